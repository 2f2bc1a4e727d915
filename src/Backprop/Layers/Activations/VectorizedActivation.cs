using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;

namespace Backprop;

/// <summary>An activation that is one formula and its derivative, written once over vectors of any width; the same entry has the same bits wherever it lies.</summary>
/// <remarks>To add one, copy the file of another: <see cref="Sigmoid{T}"/> is a formula, its derivative, and their documentation.</remarks>
/// <example><code>
/// public sealed class Square&lt;T&gt;() : VectorizedActivation&lt;T&gt;(Of(new Function())) where T : unmanaged, IFloatingPointIeee754&lt;T&gt;
/// {
///     private readonly struct Function : IFunction
///     {
///         [MethodImpl(MethodImplOptions.AggressiveInlining)]
///         public V Forward&lt;V&gt;(V x) where V : unmanaged, IVector&lt;V, T&gt; => x * x;
///
///         [MethodImpl(MethodImplOptions.AggressiveInlining)]
///         public V Backward&lt;V&gt;(V x, V y, V dY) where V : unmanaged, IVector&lt;V, T&gt; => dY * (x + x);
///     }
/// }
/// </code></example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class VectorizedActivation<T> : Activation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Entrywise _function;

    /// <summary>Takes the formula.</summary>
    /// <param name="function">What <see cref="Of{TFunction}(TFunction)"/> makes of it.</param>
    /// <exception cref="ArgumentNullException"><paramref name="function"/> is null.</exception>
    protected VectorizedActivation(Entrywise function) => _function = Expect.NotNull(function);

    /// <summary>x becomes f(x), where a predictor has it at hand.</summary>
    internal void ApplyTo(Span<T> x) => _function.Forward(x, x);

    /// <inheritdoc/>
    protected sealed override void Apply(ReadOnlySpan<T> x, Span<T> y) => _function.Forward(x, y);

    /// <inheritdoc/>
    protected sealed override void Differentiate(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> dY, Span<T> dX) => _function.Backward(x, y, dY, dX);

    /// <inheritdoc/>
    protected override void Describe(Settings settings)
    {
        base.Describe(settings);
        if (Settings.IsForeign(this)) _function.Describe(settings);     // the library's own have their constants as properties, too
    }

    /// <summary>Makes kernels of a formula and its derivative.</summary>
    /// <typeparam name="TFunction">A readonly struct.</typeparam>
    /// <param name="function">The formula, with its constants as fields.</param>
    protected static Entrywise Of<[DynamicallyAccessedMembers(Settings.Fields)] TFunction>(TFunction function) where TFunction : struct, IFunction => new Entrywise<TFunction>(function);

    /// <summary>Formulas are shared: they never change.</summary>
    /// <inheritdoc/>
    protected override object? CloneField(string field, object value) => value is Entrywise ? value : base.CloneField(field, value);

    /// <summary>The two lines that an activation is. A struct, so that the compiler makes a kernel of its own from each.</summary>
    public interface IFunction
    {
        /// <summary>y = f(x).</summary>
        /// <param name="x">The input.</param>
        V Forward<V>(V x) where V : unmanaged, IVector<V, T>;

        /// <summary>dX = dY * f'(x), from x or y, whichever is handier.</summary>
        /// <param name="x">The input.</param>
        /// <param name="y">The output.</param>
        /// <param name="dY">The gradient of the output.</param>
        V Backward<V>(V x, V y, V dY) where V : unmanaged, IVector<V, T>;
    }

    /// <summary>The kernels of a formula and its derivative.</summary>
    protected abstract class Entrywise
    {
        private protected Entrywise() { }

        internal abstract void Forward(ReadOnlySpan<T> x, Span<T> y);

        internal abstract void Describe(Settings settings);

        internal abstract void Backward(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> dY, Span<T> dX);
    }

    private sealed class Entrywise<[DynamicallyAccessedMembers(Settings.Fields)] TFunction>(TFunction function) : Entrywise where TFunction : struct, IFunction
    {
        internal override void Forward(ReadOnlySpan<T> x, Span<T> y) => Elementwise.Map(new Forwards(function), x, y);

        internal override void Describe(Settings settings) => settings.AddConstants(function);

        internal override void Backward(ReadOnlySpan<T> x, ReadOnlySpan<T> y, ReadOnlySpan<T> dY, Span<T> dX) => Elementwise.Map(new Backwards(function), x, y, dY, dX);

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
