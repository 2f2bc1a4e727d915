using System.Numerics;
using Backprop.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Backprop.Walkthrough;

/// <summary>The same training in PyTorch. Only the digits and the seed are ours: split, weights, batches, gradients and steps are PyTorch's own.</summary>
internal static class DigitsTwin
{
    /// <returns>The mean loss of each epoch.</returns>
    public static double[] Fit<T>(DigitsSettings settings, int epochs, Action step) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var losses = new double[epochs];
        foreach (var (epoch, share, loss) in Steps<T>(settings, epochs))
        {
            losses[epoch] += loss * share;
            step();
        }

        return losses;
    }

    /// <returns>The loss of each step, with its epoch and the share of the digits that it learned from.</returns>
    public static IEnumerable<(int Epoch, double Share, double Loss)> Steps<T>(DigitsSettings settings, int epochs) where T : unmanaged, IFloatingPointIeee754<T>
    {
        TorchNative.EnsureLoadable();
        set_num_threads(1);     // more would only wait for each other: the network is small
        using var scope = NewDisposeScope();
        var type = typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32;
        var digits = Digits.Read<T>();
        manual_seed(settings.Seed);
        var order = randperm(digits.Count)[TensorIndex.Slice((int)Math.Round(Digits.HeldBack * digits.Count))];
        Tensor x = digits.X.ToTensor()[order], y = digits.Y.ToTensor().to_type(ScalarType.Int64)[order].squeeze(1);

        using var model = settings.Convolutional ? NewConvolutional(settings.Dropout, type) : NewDense(settings.Dropout, type);
        using var loss = nn.CrossEntropyLoss();
        using var adam = optim.Adam(model.parameters(), settings.LearningRate);
        for (var epoch = 0; epoch < epochs; epoch++)
        {
            using var inner = NewDisposeScope();
            foreach (var rows in randperm(x.shape[0]).split(settings.BatchSize))
            {
                double value;
                using (NewDisposeScope())
                {
                    var l = loss.call(model.call(x[rows]), y[rows]);
                    adam.zero_grad();
                    l.backward();
                    adam.step();
                    value = l.to_type(ScalarType.Float64).item<double>();
                }

                yield return (epoch, (double)rows.shape[0] / x.shape[0], value);
            }
        }
    }

    private static TorchSharp.Modules.Sequential NewDense(double dropout, ScalarType type)
    {
        nn.Module<Tensor, Tensor> hidden = nn.Linear(Digits.Pixels, Digits.Hidden, dtype: type), output = nn.Linear(Digits.Hidden, Digits.Classes, dtype: type);
        return dropout > 0 ? nn.Sequential(hidden, nn.Sigmoid(), nn.Dropout(dropout), output) : nn.Sequential(hidden, nn.Sigmoid(), output);
    }

    private static TorchSharp.Modules.Sequential NewConvolutional(double dropout, ScalarType type)
    {
        nn.Module<Tensor, Tensor> first = nn.Conv2d(1, Digits.FirstChannels, 3, padding: 1, dtype: type), second = nn.Conv2d(Digits.FirstChannels, Digits.SecondChannels, 3, padding: 1, dtype: type);
        nn.Module<Tensor, Tensor> output = nn.Linear(Digits.SecondChannels * 16, Digits.Classes, dtype: type), image = nn.Unflatten(1, [Digits.Image.Channels, Digits.Image.Height, Digits.Image.Width]);
        return dropout > 0
            ? nn.Sequential(image, first, nn.ReLU(), second, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(dropout), output)
            : nn.Sequential(image, first, nn.ReLU(), second, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), output);
    }
}
