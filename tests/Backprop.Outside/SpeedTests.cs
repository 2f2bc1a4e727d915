extern alias library;

using System.Diagnostics;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Outside;

/// <summary>Copies beside originals, taking turns; prints ratios, and is run on purpose only: <c>Backprop.Outside -explicit only</c> on an idle machine.</summary>
public sealed class SpeedTests(ITestOutputHelper output)
{
    [Fact(Explicit = true)]
    public void Copies_are_as_fast_as_originals()
    {
        Matrix<float> x = Pairs.Any<float>(64, 64, 1), t = Pairs.Any<float>(64, 64, 2), result = x.Clone();
        foreach (var (copy, original) in Pairs.Layers<float>().Where(pair => pair.Copy.InputColumns is null && pair.Copy.Children.Count == 0))
            Compare($"{copy}", Layer(copy), Layer(original));
        Compare("Sequential and Residual, 5-7-7", Network(Pairs.Layers<float>().Last().Copy), Network(Pairs.Layers<float>().Last().Original));
        Compare("SmoothL1Loss", Loss(new SmoothL1Loss<float>()), Loss(new library::Backprop.SmoothL1Loss<float>()));
        Compare("AdamW", Step(p => new AdamW<float>(p)), Step(p => new library::Backprop.AdamW<float>(p)));
        Compare("Embedding", Lookup(new Embedding<float>(100, 16)), Lookup(new library::Backprop.Embedding<float>(100, 16)));

        Action Layer(Layer<float> layer)
        {
            var pass = layer.NewPass();
            return () =>
            {
                layer.Forward(x, pass);
                layer.Backward(pass, x);
            };
        }

        Action Network(Layer<float> layer)
        {
            var (pass, small, dY) = (layer.NewPass(), Pairs.Any<float>(8, 5, 1), Pairs.Any<float>(8, 7, 1));
            return () =>
            {
                layer.Forward(small, pass);
                layer.Backward(pass, dY);
            };
        }

        Action Loss(Loss<float> loss) => () =>
        {
            loss.Forward(x, t);
            loss.Backward(x, t, result);
        };

        Action Step(Func<IEnumerable<Parameter<float>>, Optimizer<float>> make) => make(new Linear<float>(64, 64).Parameters).Step;

        Action Lookup(Layer<float> layer)
        {
            var (pass, indices, dY) = (layer.NewPass(), Matrix<float>.Build.Dense(64, 4, (i, j) => i * j % 100), Pairs.Any<float>(64, 64, 1));
            return () =>
            {
                layer.Forward(indices, pass);
                layer.Backward(pass, dY);
            };
        }
    }

    private void Compare(string name, Action copy, Action original)
    {
        var ratios = new List<double>();
        double bestCopy = double.PositiveInfinity, bestOriginal = double.PositiveInfinity;
        for (var turn = 0; turn < 40; turn++)
        {
            double a = Time(copy), b = Time(original);
            if (turn < 8) continue;     // until both are compiled for good
            ratios.Add(a / b);
            (bestCopy, bestOriginal) = (Math.Min(bestCopy, a), Math.Min(bestOriginal, b));
        }

        ratios.Sort();
        output.WriteLine(FormattableString.Invariant($"{name,-32} copy / original: median {ratios[ratios.Count / 2]:F3}, bests {bestCopy / bestOriginal:F3}"));
    }

    private static double Time(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < 500; i++) action();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds;
    }
}
