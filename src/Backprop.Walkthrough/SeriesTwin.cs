using System.Numerics;
using Backprop.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Backprop.Walkthrough;

/// <summary>The same training in PyTorch, from the same weights: the order of the batches, what dropout drops, gradients and steps are PyTorch's own.</summary>
internal static class SeriesTwin
{
    /// <returns>The loss before each step.</returns>
    public static double[] Losses<T>(SeriesSettings settings, Action step) where T : unmanaged, IFloatingPointIeee754<T>
    {
        TorchNative.EnsureLoadable();
        set_num_threads(1);     // more would only wait for each other: the network is small
        using var scope = NewDisposeScope();
        var type = typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32;
        var training = Series.Read<T>(settings.Seed).Training;
        Tensor x = training.X.ToTensor().reshape(-1, Series.Steps, 1), y = training.Y.ToTensor();

        using var lstm = nn.LSTM(1, Series.Hidden, Series.Layers, batchFirst: true, dropout: settings.Dropout, dtype: type);
        using var output = nn.Linear(Series.Hidden, 1, dtype: type);
        var ours = Series.NewTrainer<T>(settings).Model.NamedParameters().ToDictionary(named => named.Name, named => named.Parameter);
        using (no_grad())
        {
            foreach (var (name, parameter) in lstm.named_parameters().Select(named => ($"lstm.{named.name}", named.parameter)).Concat(output.named_parameters().Select(named => ($"out.{named.name}", named.parameter))))
                parameter.copy_(ours[name] is MatrixParameter<T> matrix ? matrix.Value.ToTensor() : ((VectorParameter<T>)ours[name]).Value.ToTensor());
        }

        using var loss = nn.MSELoss();
        using var adam = optim.Adam(lstm.parameters().Concat(output.parameters()), settings.LearningRate);
        var losses = new List<double>();
        manual_seed(settings.Seed);
        for (var epoch = 0; epoch < settings.Epochs; epoch++)
        {
            using var inner = NewDisposeScope();
            foreach (var rows in randperm(x.shape[0]).split(settings.BatchSize))
            {
                using var innermost = NewDisposeScope();
                var (h, _, _) = lstm.call(x[rows]);
                var l = loss.call(output.call(h.select(1, -1)), y[rows]);
                adam.zero_grad();
                l.backward();
                adam.step();
                losses.Add(l.to_type(ScalarType.Float64).item<double>());
                step();
            }
        }

        return [.. losses];
    }
}
