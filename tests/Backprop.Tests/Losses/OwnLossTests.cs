using System.Runtime.CompilerServices;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

/// <summary>Losses as a user writes them: by a formula, as ours are; by two methods over spans; for each column; of classes.</summary>
public abstract class OwnLossTests<T> where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>SmoothL1Loss, the fast way.</summary>
    private sealed class ByFormula(Reduction reduction = Reduction.Mean, double beta = 1) : VectorizedLoss<T>(Of(new Rounded(T.CreateSaturating(beta))), reduction)
    {
        protected override string Entry => "h(p - t)";

        protected override string EntryDerivative => "h'(p - t)";

        private readonly struct Rounded(T beta) : IFunction
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T>
            {
                V b = V.Broadcast(beta), d = p - t, size = V.Abs(d);
                return V.Select(size < b, 0.5 * d * d / b, size - 0.5 * b);
            }

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.AtMost(1, V.AtLeast(-1, (p - t) / V.Broadcast(beta)));
        }
    }

    /// <summary>The same, the simple way.</summary>
    private sealed class OverSpans(Reduction reduction = Reduction.Mean, double beta = 1) : ElementwiseLoss<T>(reduction)
    {
        private readonly T _beta = T.CreateSaturating(beta), _half = T.CreateSaturating(0.5);

        protected override void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses)
        {
            for (var i = 0; i < losses.Length; i++)
            {
                T d = p[i] - t[i], size = T.Abs(d);
                losses[i] = size < _beta ? _half * d * d / _beta : size - _half * _beta;
            }
        }

        protected override void Derivatives(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> derivatives)
        {
            for (var i = 0; i < derivatives.Length; i++) derivatives[i] = T.Clamp((p[i] - t[i]) / _beta, T.NegativeOne, T.One);
        }
    }

    /// <summary>A corner of its own for each column.</summary>
    private sealed class ForColumns(params double[] betas) : VectorizedLoss<T>(ByColumn([.. betas.Select(beta => Of(new Rounded(T.CreateSaturating(beta))))]))
    {
        private readonly struct Rounded(T beta) : IFunction
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T>
            {
                V b = V.Broadcast(beta), d = p - t, size = V.Abs(d);
                return V.Select(size < b, 0.5 * d * d / b, size - 0.5 * b);
            }

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => V.AtMost(1, V.AtLeast(-1, (p - t) / V.Broadcast(beta)));
        }
    }

    /// <summary>A loss of classes: the hinge max(0, 1 - p_y).</summary>
    private sealed class Hinge(Vector<T>? weight = null, int ignoreIndex = -100, Reduction reduction = Reduction.Mean) : ClassificationLoss<T>(weight, ignoreIndex, reduction)
    {
        protected override void Losses(Matrix<T> prediction, ClassTargets<T> targets, int first, Span<T> losses)
        {
            for (var i = 0; i < losses.Length; i++)
                losses[i] = targets[first + i] is var y && y == IgnoreIndex ? T.Zero : WeightOf(y) * T.Max(T.Zero, T.One - prediction[first + i, y]);
        }

        protected override void Gradient(Matrix<T> prediction, ClassTargets<T> targets, ReadOnlySpan<T> dLosses, T dL, Matrix<T> dPrediction)
        {
            dPrediction.Span().Clear();
            for (var i = 0; i < prediction.RowCount; i++)
                if (targets[i] is var y && y != IgnoreIndex && prediction[i, y] < T.One)
                    dPrediction[i, y] = -WeightOf(y) * (dLosses.IsEmpty ? dL : dLosses[i]);
        }
    }

    [Theory]
    [InlineData(Reduction.Mean, 1, 1, 1)]
    [InlineData(Reduction.Sum, 0.5, 7, 3)]
    [InlineData(Reduction.Mean, 0.25, 200, 50)]
    [InlineData(Reduction.Sum, 2, 0, 3)]
    public void Both_ways_give_the_bits_of_the_loss_in_the_library(Reduction reduction, double beta, int rows, int columns)
    {
        var ours = new SmoothL1Loss<T>(reduction, beta);
        Matrix<T> p = Any.Matrix<T>(rows, columns, 1, 3), t = Any.Matrix<T>(rows, columns, 2, 3), dLosses = Any.Matrix<T>(rows, columns, 3), dirty = Matrix<T>.Build.Dense(rows, columns, T.NaN);
        foreach (var own in (Loss<T>[])[new ByFormula(reduction, beta), new OverSpans(reduction, beta)])
        {
            own.Forward(p, t).Equals(ours.Forward(p, t)).Should().BeTrue();
            own.Backward(p, t, dirty).Should().Be(ours.Backward(p, t));
            own.Unreduced(p, t).Should().Be(ours.Unreduced(p, t));
            own.UnreducedBackward(p, t, dLosses).Should().Be(ours.UnreducedBackward(p, t, dLosses));
            own.Divisor(p, t).Should().Be(ours.Divisor(p, t));
            Allocation.Least(() =>
            {
                for (var i = 0; i < 20; i++) own.ForwardBackward(p, t, dirty);
            }).Should().Be(0);
        }
    }

    // L = p - 3 t: which is which shows.
    private sealed class Apart : ElementwiseLoss<T>
    {
        protected override void Losses(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> losses)
        {
            for (var i = 0; i < losses.Length; i++) losses[i] = p[i] - T.CreateChecked(3) * t[i];
        }

        protected override void Derivatives(ReadOnlySpan<T> p, ReadOnlySpan<T> t, Span<T> derivatives)
        {
            for (var i = 0; i < derivatives.Length; i++) derivatives[i] = T.One + p[i] - p[i] + T.Zero * t[i];
        }

        // Of the targets, as where they say what counts.
        protected override double DivisorCore(Matrix<T> prediction, Matrix<T> target) => double.CreateChecked(target[0, 0]);
    }

    [Fact]
    public void A_vectorized_loss_of_ones_own_may_ask_for_the_losses_and_derivatives_of_columns()
    {
        var (losses, derivatives) = new Cubes().Columns([3, -1], [2, 2]);
        losses.Should().Equal(72, 8);
        derivatives.Should().Equal(48, -16);
    }

    private sealed class Cubes() : VectorizedLoss<double>(Of(new Function()))
    {
        public (double[] Losses, double[] Derivatives) Columns(double[] p, double[] t)
        {
            var (losses, derivatives) = (new double[p.Length], new double[p.Length]);
            Losses(p, t, losses);
            Derivatives(p, t, derivatives);
            return (losses, derivatives);
        }

        private readonly struct Function : IFunction
        {
            public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, double> => p * p * (t * t * t);

            public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, double> => 2 * p * (t * t * t);
        }
    }

    [Fact]
    public void A_rounding_of_0_is_the_absolute_error()
    {
        Matrix<T> p = Any.Matrix<T>(4, 3, 1), t = Any.Matrix<T>(4, 3, 2);
        new SmoothL1Loss<T>(beta: 0).Forward(p, t).Should().Be(new L1Loss<T>().Forward(p, t));
        new SmoothL1Loss<T>(beta: 0).Backward(p, t).Should().Be(new L1Loss<T>().Backward(p, t));
    }

    [Fact]
    public void Prediction_and_target_keep_their_places()
    {
        Matrix<T> p = Matrix<T>.Build.Dense(2, 3, (i, j) => T.CreateChecked(i + 2 * j)), t = Matrix<T>.Build.Dense(2, 3, (i, j) => T.CreateChecked(5 + i * j));
        var loss = new Apart();
        loss.Unreduced(p, t).Should().Be(p - t * T.CreateChecked(3));
        double.CreateChecked(loss.Forward(p, t)).Should().BeApproximately(double.CreateChecked((p - t * T.CreateChecked(3)).RowSums().Sum()) / 5, 1e-5);
        loss.Divisor(p, t).Should().Be(5);
        double.CreateChecked(loss.Backward(p, t)[1, 2]).Should().BeApproximately(0.2, 1e-6);

        var vectorized = new ApartVectorized();
        vectorized.Forward(p, t).Should().Be(loss.Forward(p, t));
        vectorized.Unreduced(p, t).Should().Be(loss.Unreduced(p, t));
        vectorized.Backward(p, t).Should().Be(loss.Backward(p, t));
    }

    private sealed class ApartVectorized() : VectorizedLoss<T>(Of(new Difference()))
    {
        protected override double DivisorCore(Matrix<T> prediction, Matrix<T> target) => double.CreateChecked(target[0, 0]);

        private readonly struct Difference : IFunction
        {
            public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, T> => p - 3 * t;

            public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, T> => 1 + 0 * p;
        }
    }

    [Fact]
    public void Each_column_may_have_a_formula_of_its_own()
    {
        Matrix<T> p = Any.Matrix<T>(5, 2, 1, 3), t = Any.Matrix<T>(5, 2, 2, 3);
        var loss = new ForColumns(0.5, 2);
        for (var j = 0; j < 2; j++)
        {
            var (pj, tj) = (p.SubMatrix(0, 5, j, 1), t.SubMatrix(0, 5, j, 1));
            loss.Unreduced(p, t).SubMatrix(0, 5, j, 1).Should().Be(new SmoothL1Loss<T>(beta: j == 0 ? 0.5 : 2).Unreduced(pj, tj));
        }

        var wide = Any.Matrix<T>(5, 4, 1);
        foreach (var act in (Action[])[() => loss.Forward(wide, wide), () => loss.Backward(wide, wide), () => loss.Unreduced(wide, wide), () => loss.UnreducedBackward(wide, wide, wide)])
            act.Should().Throw<ArgumentException>().WithMessage("ForColumns() expects 2 columns, one for each formula, but prediction is 5x4. (Parameter 'prediction')");
        var none = () => new ForColumns();
        none.Should().Throw<ArgumentException>().WithMessage("ByColumn expects a formula for each column, but there is none. (Parameter 'functions')");
    }

    [Fact]
    public void Texts_are_made_of_the_entrys()
    {
        (new ByFormula().Formula, new ByFormula().Derivative).Should().Be(("L = 1/N sum h(p - t)", "dL/dp = h'(p - t) / N"));
        (new ByFormula(Reduction.Sum).Formula, new ByFormula(Reduction.Sum).Derivative).Should().Be(("L = sum h(p - t)", "dL/dp = h'(p - t)"));
        (new OverSpans().Formula, new OverSpans().Derivative).Should().Be(("", ""));
    }

    [Fact]
    public void A_loss_of_classes_has_weights_ignored_samples_and_integers()
    {
        var weight = LossCases.Weights<T>(3, 1);
        var loss = new Hinge(weight, ignoreIndex: -1);
        Matrix<T> p = Any.Matrix<T>(70, 3, 1, 2), t = LossCases.Classes<T>(70, 3, 2, -1), dirty = Matrix<T>.Build.Dense(70, 3, T.NaN);
        var classes = t.Enumerate().Select(int.CreateChecked).ToArray();
        double sum = 0, divisor = 0;
        for (var i = 0; i < 70; i++)
        {
            if (classes[i] < 0) continue;
            divisor += double.CreateChecked(weight[classes[i]]);
            sum += double.CreateChecked(weight[classes[i]] * T.Max(T.Zero, T.One - p[i, classes[i]]));
        }

        loss.Divisor(p, t).Should().BeApproximately(divisor, 1e-9);
        double.CreateChecked(loss.ForwardBackward(p, t, dirty)).Should().BeApproximately(sum / divisor, 1e-6);
        dirty.Should().Be(loss.Backward(p, classes));
        loss.Forward(p, classes).Should().Be(loss.Forward(p, t));
        if (loss is Loss<double> inDouble) GradientCheck.Run(inDouble, (Matrix<double>)(object)p, (Matrix<double>)(object)t).ThrowIfFailed();
    }
}

public sealed class OwnLossDoubleTests : OwnLossTests<double>
{
    private sealed class LogCosh() : VectorizedLoss<double>(Of(default(Function)))
    {
        private readonly struct Function : IFunction
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Loss<V>(V p, V t) where V : unmanaged, IVector<V, double> => V.Abs(p - t) + V.Log1p(V.Exp(-2 * V.Abs(p - t))) - Math.Log(2);

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Derivative<V>(V p, V t) where V : unmanaged, IVector<V, double> => V.Tanh(p - t);
        }
    }

    [Fact]
    public void A_new_loss_is_right_by_the_gradient_check() => GradientCheck.Run(new LogCosh(), Any.Matrix<double>(5, 3, 1, 4), Any.Matrix<double>(5, 3, 2)).ThrowIfFailed();
}

public sealed class OwnLossSingleTests : OwnLossTests<float>;
