using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A function applied to each entry of its input: y = f(x), dX = dY * f'(x).</summary>
/// <remarks>
/// To add one, copy the file of another: it is a formula, its derivative, and their documentation. Both are written once, over vectors
/// of any width; the same entry has the same bits wherever it lies.
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Activation<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Entrywise _function;

    private protected Activation(Entrywise function) => _function = function;

    /// <inheritdoc/>
    protected sealed override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var y = pass.NewOutput(x.RowCount, x.ColumnCount);
        _function.Forward(x.Span(), y.Span());
        return y;
    }

    /// <inheritdoc/>
    protected sealed override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var dX = pass.NewInputGradient();
        _function.Backward(pass.Input.Span(), pass.Output.Span(), dY.Span(), dX.Span());
        return dX;
    }

    private protected static Entrywise Of<TFunction>(TFunction function) where TFunction : struct, IFunction => new Entrywise<TFunction>(function);

    /// <summary>The two lines that an activation is. A struct, so that the compiler makes a kernel of its own from each.</summary>
    private protected interface IFunction
    {
        /// <summary>y = f(x).</summary>
        V Forward<V>(V x) where V : unmanaged, IVector<V, T>;

        /// <summary>dX = dY * f'(x), from x or y, whichever is handier.</summary>
        V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T>;
    }

    private protected abstract class Entrywise
    {
        internal abstract void Forward(ReadOnlySpan<T> x, Span<T> y);

        internal abstract void Backward(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> dY, Span<T> dX);
    }

    private sealed class Entrywise<TFunction>(TFunction function) : Entrywise where TFunction : struct, IFunction
    {
        internal override void Forward(ReadOnlySpan<T> x, Span<T> y) => Vectorized.Map(new Forwards(function), x, y);

        internal override void Backward(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> dY, Span<T> dX) => Vectorized.Map(new Backwards(function), x, y, dY, dX);

        private readonly struct Forwards(TFunction function) : IUnary<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => function.Forward(x);
        }

        private readonly struct Backwards(TFunction function) : ITernary<T>
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public V Invoke<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T> => function.Backward(x, y, dY);
        }
    }
}
