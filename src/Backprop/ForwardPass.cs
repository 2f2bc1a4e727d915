using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// What one forward pass leaves for its backward pass, and a place to look at every value between the two.
/// </summary>
/// <remarks>
/// <para>A layer holds parameters and never activations; those lie here. So one layer can serve many threads, each with a pass of
/// its own, and can stand twice in a network.</para>
/// <para>Make one with <see cref="Layer{T}.NewPass"/> and reuse it: a reused pass does not allocate, and <b>overwrites</b> the matrices it
/// returned before. It keeps its input by reference; leave that matrix unchanged until the backward pass is done.</para>
/// <para>A layer that saves more than input and output (a mask, 1/sigma) subclasses this and overrides <see cref="Layer{T}.NewPass"/>.</para>
/// </remarks>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public class ForwardPass<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ForwardPass<T>[] _steps;
    private Matrix<T>? _input, _output;
    private MatrixBuffer<T> _outputs, _inputGradients;

    /// <summary>Makes a pass through <paramref name="layer"/> and, where it has any, through its children.</summary>
    /// <param name="layer">The layer that will use the pass.</param>
    /// <param name="training">Training mode, as opposed to evaluation mode.</param>
    /// <exception cref="ArgumentNullException"><paramref name="layer"/> is null.</exception>
    public ForwardPass(Layer<T> layer, bool training)
    {
        ArgumentNullException.ThrowIfNull(layer);
        (Layer, Training) = (layer, training);
        _steps = [.. layer.Children.Select(child => child.Layer.NewPass(training))];
    }

    /// <summary>The layer this pass belongs to.</summary>
    public Layer<T> Layer { get; }

    /// <summary>Whether layers that differ in training and evaluation (dropout, batch normalisation) are training.</summary>
    public bool Training { get; }

    /// <summary>The input x of the last forward pass, samples x features.</summary>
    /// <exception cref="InvalidOperationException">There was no forward pass yet.</exception>
    public Matrix<T> Input => _input ?? throw NotRun();

    /// <summary>The output y of the last forward pass. The next one overwrites it.</summary>
    /// <exception cref="InvalidOperationException">There was no forward pass yet.</exception>
    public Matrix<T> Output => _output ?? throw NotRun();

    /// <summary>dL/dY as the backward pass received it; null before one.</summary>
    public Matrix<T>? OutputGradient { get; private set; }

    /// <summary>dL/dX as the backward pass returned it; null before one, and where nobody needed it.</summary>
    public Matrix<T>? InputGradient { get; private set; }

    /// <summary>
    /// Whether the running backward pass needs dL/dX. A layer whose dL/dX is costly may skip it and return null where this is false:
    /// the first layer of a network in training, see <see cref="Layer{T}.AccumulateGradients"/>.
    /// </summary>
    public bool NeedsInputGradient { get; private set; } = true;

    /// <summary>The passes through the layer's children, in order; empty for a layer without children.</summary>
    public IReadOnlyList<ForwardPass<T>> Steps => _steps;

    internal ReadOnlySpan<ForwardPass<T>> StepSpan => _steps;

    /// <summary>The pass through the child with this name.</summary>
    /// <param name="name">A name as in <see cref="Layer{T}.Children"/>.</param>
    /// <exception cref="KeyNotFoundException">The layer has no such child.</exception>
    public ForwardPass<T> this[string name] => _steps[Layer.IndexOfChild(name)];

    /// <summary>For layers: a matrix to put the output into, reused from pass to pass. Its contents are unspecified.</summary>
    /// <param name="rows">Rows, usually those of the input.</param>
    /// <param name="columns">Columns.</param>
    public Matrix<T> NewOutput(int rows, int columns) => _outputs.Get(rows, columns, _input);

    /// <summary>For layers: a matrix of the input's shape to put dL/dX into, reused from pass to pass. Its contents are unspecified.</summary>
    public Matrix<T> NewInputGradient() => _inputGradients.Get(Input.RowCount, Input.ColumnCount, OutputGradient);

    /// <summary>Whether there is an output: a layer may leave out a child.</summary>
    internal bool HasRun => _output is not null;

    internal Matrix<T> RunForward(Matrix<T> x)
    {
        _input = x;
        _output = null;
        OutputGradient = InputGradient = null;
        return _output = Layer.RunCore(x, this);
    }

    internal Matrix<T>? RunBackward(Matrix<T> dY, bool needsInputGradient)
    {
        NeedsInputGradient = needsInputGradient;
        OutputGradient = dY;
        return InputGradient = Layer.RunBackwardCore(this, dY);
    }

    private InvalidOperationException NotRun() => new($"{Layer} has not run forward with this pass yet: call Forward(x, pass) first.");
}
