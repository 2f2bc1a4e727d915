using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Layers one after another: y = f_n(... f_2(f_1(x))).</summary>
/// <remarks>
/// <para>Backward is the chain rule: each layer's dL/dX is the dL/dY of the layer before it. CHAIN-RULE.md, "Sequential".</para>
/// <para>Layers have names, or else numbers, as PyTorch gives them: the third layer added is <c>2</c>.</para>
/// </remarks>
/// <example>
/// <code>
/// var model = new Sequential&lt;double&gt;
/// {
///     { "hidden", new Linear&lt;double&gt;(1, 8) },
///     { "activation", new Sigmoid&lt;double&gt;() },
///     { "output", new Linear&lt;double&gt;(8, 1) },
/// };
/// </code>
/// </example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Sequential<T> : Layer<T>, IEnumerable<Layer<T>> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes an empty network, to be filled by <see cref="Add(string, Layer{T})"/> or a collection initializer. Empty, it is the identity.</summary>
    public Sequential() { }

    /// <summary>Makes a network of unnamed layers.</summary>
    /// <param name="layers">The layers, first to last.</param>
    public Sequential(params Layer<T>[] layers)
    {
        ArgumentNullException.ThrowIfNull(layers);
        foreach (var layer in layers) Add(layer);
    }

    /// <summary>The layer with this name.</summary>
    /// <param name="name">The name it was added under, or its number.</param>
    /// <exception cref="KeyNotFoundException">There is no such layer.</exception>
    public Layer<T> this[string name] => Children[IndexOfChild(name)].Layer;

    /// <inheritdoc/>
    public override int? InputColumns
    {
        get
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            return Children.Count > 0 ? Children[0].Layer.InputColumns : null;
        }
    }

    /// <inheritdoc/>
    public override string Formula => "y = f_n(... f_2(f_1(x)))";

    /// <inheritdoc/>
    public override string Derivative => "dX = df_1(df_2(... df_n(dY)))";

    /// <inheritdoc cref="Layer{T}.Clone"/>
    public new Sequential<T> Clone() => (Sequential<T>)base.Clone();

    /// <summary>The layer with this name, as the type it has: <c>model.Get&lt;Linear&lt;double&gt;&gt;("hidden").Weight</c>.</summary>
    /// <param name="name">The name it was added under, or its number.</param>
    /// <exception cref="KeyNotFoundException">There is no such layer.</exception>
    /// <exception cref="InvalidCastException">The layer is of another type.</exception>
    public TLayer Get<TLayer>(string name) where TLayer : Layer<T> => this[name] as TLayer
        ?? throw new InvalidCastException($"The layer \"{name}\" is {this[name]}, not a {typeof(TLayer).Name.Split('`')[0]}.");

    /// <summary>Adds a layer to the end, under its number.</summary>
    /// <param name="layer">The layer.</param>
    public void Add(Layer<T> layer) => Add(Children.Count.ToString(CultureInfo.InvariantCulture), layer);

    /// <summary>Adds a layer to the end.</summary>
    /// <param name="name">Its name: not empty, without a dot, and new here.</param>
    /// <param name="layer">The layer.</param>
    /// <exception cref="ArgumentException">The name is empty, has a dot, or is taken.</exception>
    public void Add(string name, Layer<T> layer) => Register(name, layer);

    /// <inheritdoc/>
    public override int OutputColumns(int inputColumns)
    {
        for (var i = 0; i < Children.Count; i++) inputColumns = Children[i].OutputColumns(inputColumns);
        return inputColumns;
    }

    /// <inheritdoc/>
    public override int OutputRows(int inputRows)
    {
        for (var i = 0; i < Children.Count; i++) inputRows = Children[i].OutputRows(inputRows);
        return inputRows;
    }

    /// <inheritdoc/>
    public IEnumerator<Layer<T>> GetEnumerator() => Children.Select(child => child.Layer).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public override string ToString()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return $"Sequential({string.Join(", ", Children.Select(child => $"{child.Name}: {child.Layer}"))})";
    }

    /// <inheritdoc/>
    protected override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        // y = f_n(... f_2(f_1(x)))
        foreach (var step in pass.StepSpan) x = step.Forward(x);
        return x;
    }

    /// <inheritdoc/>
    protected override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        // dX = df_1(df_2(... df_n(dY))), as far as somebody learns from it
        var steps = pass.StepSpan;
        var last = 0;
        if (!pass.NeedsInputGradient)
            while (last < steps.Length && !steps[last].Learns) last++;
        for (var i = steps.Length - 1; i > last; i--) dY = steps[i].Backward(dY)!;
        return last < steps.Length ? steps[last].Backward(dY, pass.NeedsInputGradient) : dY;
    }
}
