extern alias library;

using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Outside;

/// <summary>Each copy beside its original, made alike.</summary>
internal static class Pairs
{
    public static IEnumerable<(Layer<T> Copy, Layer<T> Original)> Layers<T>() where T : unmanaged, IFloatingPointIeee754<T>
    {
        yield return (new CELU<T>(0.7), new library::Backprop.CELU<T>(0.7));
        yield return (new ELU<T>(), new library::Backprop.ELU<T>());
        yield return (new GELU<T>(), new library::Backprop.GELU<T>());
        yield return (new GELU<T>(GELUApproximation.Tanh), new library::Backprop.GELU<T>(GELUApproximation.Tanh));
        yield return (new Hardshrink<T>(), new library::Backprop.Hardshrink<T>());
        yield return (new Hardsigmoid<T>(), new library::Backprop.Hardsigmoid<T>());
        yield return (new Hardswish<T>(), new library::Backprop.Hardswish<T>());
        yield return (new Hardtanh<T>(), new library::Backprop.Hardtanh<T>());
        yield return (new LeakyReLU<T>(), new library::Backprop.LeakyReLU<T>());
        yield return (new LogSigmoid<T>(), new library::Backprop.LogSigmoid<T>());
        yield return (new Mish<T>(), new library::Backprop.Mish<T>());
        yield return (new PReLU<T>(), new library::Backprop.PReLU<T>());
        yield return (new PReLU<T>(5), new library::Backprop.PReLU<T>(5));
        yield return (new ReLU<T>(), new library::Backprop.ReLU<T>());
        yield return (new ReLU6<T>(), new library::Backprop.ReLU6<T>());
        yield return (new SELU<T>(), new library::Backprop.SELU<T>());
        yield return (new SiLU<T>(), new library::Backprop.SiLU<T>());
        yield return (new Sigmoid<T>(), new library::Backprop.Sigmoid<T>());
        yield return (new Softplus<T>(), new library::Backprop.Softplus<T>());
        yield return (new Softshrink<T>(), new library::Backprop.Softshrink<T>());
        yield return (new Softsign<T>(), new library::Backprop.Softsign<T>());
        yield return (new Tanh<T>(), new library::Backprop.Tanh<T>());
        yield return (new Tanhshrink<T>(), new library::Backprop.Tanhshrink<T>());
        yield return (new Identity<T>(), new library::Backprop.Identity<T>());
        yield return (Fitted<T>(new Standardize<T>(5), layer => ((Standardize<T>)layer).Fit(Samples<T>())), Fitted<T>(new library::Backprop.Standardize<T>(5), layer => ((library::Backprop.Standardize<T>)layer).Fit(Samples<T>())));
        yield return (Fitted<T>(new MinMaxScale<T>(5, -1, 2), layer => ((MinMaxScale<T>)layer).Fit(Samples<T>())), Fitted<T>(new library::Backprop.MinMaxScale<T>(5, -1, 2), layer => ((library::Backprop.MinMaxScale<T>)layer).Fit(Samples<T>())));
        yield return (Fitted<T>(new Impute<T>(5, addIndicator: true), layer => ((Impute<T>)layer).Fit(Samples<T>())), Fitted<T>(new library::Backprop.Impute<T>(5, addIndicator: true), layer => ((library::Backprop.Impute<T>)layer).Fit(Samples<T>())));
        yield return (new OneHot<T>([0, 3, 0, 0, 2], allowUnknown: true), new library::Backprop.OneHot<T>([0, 3, 0, 0, 2], allowUnknown: true));
        yield return (new Columns<T>(1, 3), new library::Backprop.Columns<T>(1, 3));
        yield return (
            new Concat<T> { { "a", new Columns<T>(2, 3) }, { "b", new Sum<T>(new Linear<T>(5, 4, generator: new(1)), new Linear<T>(5, 4, generator: new(2))) } },
            new library::Backprop.Concat<T> { { "a", new library::Backprop.Columns<T>(2, 3) }, { "b", new library::Backprop.Sum<T>(new Linear<T>(5, 4, generator: new(1)), new Linear<T>(5, 4, generator: new(2))) } });
        yield return (
            new Sequential<T> { { "in", new Linear<T>(5, 7, generator: new(1)) }, { "f", new GELU<T>() }, { "block", new Residual<T>(new Sequential<T> { new Linear<T>(7, 7, generator: new(2)), new Sigmoid<T>() }) } },
            new library::Backprop.Sequential<T> { { "in", new Linear<T>(5, 7, generator: new(1)) }, { "f", new library::Backprop.GELU<T>() }, { "block", new library::Backprop.Residual<T>(new library::Backprop.Sequential<T> { new Linear<T>(7, 7, generator: new(2)), new library::Backprop.Sigmoid<T>() }) } });
    }

    public static IEnumerable<(Loss<T> Copy, Loss<T> Original)> Losses<T>(Reduction reduction) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var weights = MathNet.Numerics.LinearAlgebra.Vector<T>.Build.Dense(5, i => T.CreateChecked(i + 1) / T.CreateChecked(4));
        yield return (new MSELoss<T>(reduction), new library::Backprop.MSELoss<T>(reduction));
        yield return (new L1Loss<T>(reduction), new library::Backprop.L1Loss<T>(reduction));
        yield return (new SmoothL1Loss<T>(reduction, 0.3), new library::Backprop.SmoothL1Loss<T>(reduction, 0.3));
        yield return (new SmoothL1Loss<T>(reduction, 0), new library::Backprop.SmoothL1Loss<T>(reduction, 0));
        yield return (new HuberLoss<T>(reduction, 0.3), new library::Backprop.HuberLoss<T>(reduction, 0.3));
        yield return (new BCELoss<T>(reduction), new library::Backprop.BCELoss<T>(reduction));
        yield return (new BCEWithLogitsLoss<T>(reduction, weights), new library::Backprop.BCEWithLogitsLoss<T>(reduction, weights));
        yield return (new KLDivLoss<T>(reduction), new library::Backprop.KLDivLoss<T>(reduction));
        yield return (new PoissonNLLLoss<T>(reduction: reduction), new library::Backprop.PoissonNLLLoss<T>(reduction: reduction));
    }

    public static IEnumerable<(Func<IEnumerable<Parameter<T>>, Optimizer<T>> Copy, Func<IEnumerable<Parameter<T>>, Optimizer<T>> Original)> Optimizers<T>() where T : unmanaged, IFloatingPointIeee754<T>
    {
        yield return (p => new AdamW<T>(p, 0.05, weightDecay: 0.1), p => new library::Backprop.AdamW<T>(p, 0.05, weightDecay: 0.1));
        yield return (p => new AdamW<T>(p, 0.05, amsgrad: true, maximize: true), p => new library::Backprop.AdamW<T>(p, 0.05, amsgrad: true, maximize: true));
        yield return (p => new Adam<T>(p, 0.05, weightDecay: 0.1), p => new library::Backprop.Adam<T>(p, 0.05, weightDecay: 0.1));
        yield return (p => new SGD<T>(p, 0.05, momentum: 0.9, nesterov: true), p => new library::Backprop.SGD<T>(p, 0.05, momentum: 0.9, nesterov: true));
        yield return (p => new RMSprop<T>(p, 0.05, momentum: 0.5, centered: true), p => new library::Backprop.RMSprop<T>(p, 0.05, momentum: 0.5, centered: true));
        yield return (p => new Adagrad<T>(p, 0.05), p => new library::Backprop.Adagrad<T>(p, 0.05));
    }

    private static Layer<T> Fitted<T>(Layer<T> layer, Action<Layer<T>> fit) where T : unmanaged, IFloatingPointIeee754<T>
    {
        fit(layer);
        return layer;
    }

    private static Matrix<T> Samples<T>() where T : unmanaged, IFloatingPointIeee754<T> => Any<T>(9, 5, 1);

    /// <summary>A matrix of numbers of both signs, zeros among them, or in [0, 1].</summary>
    public static Matrix<T> Any<T>(int rows, int columns, int seed, bool probabilities = false) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var random = new Random(seed);
        return Matrix<T>.Build.Dense(rows, columns, (_, _) => probabilities ? T.CreateChecked(random.NextDouble()) : random.Next(20) == 0 ? T.Zero : T.CreateChecked(6 * random.NextDouble() - 3));
    }
}
