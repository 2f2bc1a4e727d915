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
        TorchNative.EnsureLoadable();
        set_num_threads(1);     // more would only wait for each other: the network is small
        using var scope = NewDisposeScope();
        var type = typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32;
        var digits = Digits.Read<T>();
        manual_seed(settings.Seed);
        var order = randperm(digits.Count)[TensorIndex.Slice((int)Math.Round(Digits.HeldBack * digits.Count))];
        Tensor x = digits.X.ToTensor()[order], y = digits.Y.ToTensor().to_type(ScalarType.Int64)[order].squeeze(1);

        using var model = nn.Sequential(nn.Linear(Digits.Pixels, Digits.Hidden, dtype: type), nn.Sigmoid(), nn.Linear(Digits.Hidden, Digits.Classes, dtype: type));
        using var loss = nn.CrossEntropyLoss();
        using var adam = optim.Adam(model.parameters(), settings.LearningRate);
        var losses = new double[epochs];
        for (var epoch = 0; epoch < epochs; epoch++)
        {
            using var inner = NewDisposeScope();
            foreach (var rows in randperm(x.shape[0]).split(settings.BatchSize))
            {
                using var innermost = NewDisposeScope();
                var l = loss.call(model.call(x[rows]), y[rows]);
                adam.zero_grad();
                l.backward();
                adam.step();
                losses[epoch] += l.to_type(ScalarType.Float64).item<double>() * rows.shape[0] / x.shape[0];
                step();
            }
        }

        return losses;
    }
}
