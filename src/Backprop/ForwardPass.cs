using System.Collections.ObjectModel;
using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

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
/// <para><see cref="Forward"/> and <see cref="Backward"/> are the only way to a layer, for a container's children as for a whole network. Whatever the layer
/// returns is looked at there, before anyone computes with it: not null, dense, of the shape that the layer declares.</para>
/// </remarks>
/// <threadsafety>One thread at a time; a second one is refused.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public class ForwardPass<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly int _children;
    private ForwardPass<T>[] _steps;
    private ReadOnlyCollection<ForwardPass<T>>? _stepsToRead;
    private ForwardPass<T>? _parent;
    private Matrix<T>? _input, _output, _dY, _dX;   // each was looked at when it was new here: a matrix keeps its shape and storage
    private Stage _stage;
    private ReusedMatrix<T> _outputs, _inputGradients;
    private bool _known, _inputWasOwnOutput, _learns;
    private int _learnsOf;                          // the structure for which that is so
    private int _levels = 1;
    private nint _user;                             // who is in the pass: a place on the outermost caller's stack, 1 in the steps within, or 0
    private int _runsOfSteps, _runsOfStepsThen;     // how often the steps ran forward, now and when this pass last did
    private int _structure, _rows, _columns;        // what the declared output shape was asked for, and when
    private int _outputRows, _outputColumns;

    /// <summary>Makes a pass through <paramref name="layer"/> and, where it has any, one through each of its children: the <see cref="Steps"/>.</summary>
    /// <param name="layer">The layer that will use the pass.</param>
    /// <param name="training">Training mode, as opposed to evaluation mode.</param>
    /// <exception cref="ArgumentNullException"><paramref name="layer"/> is null.</exception>
    /// <exception cref="InvalidOperationException">A child's <see cref="Layer{T}.NewPass"/> gave no new pass of that child, or the network is nested too deeply.</exception>
    public ForwardPass(Layer<T> layer, bool training)
    {
        ArgumentNullException.ThrowIfNull(layer);
        layer.RequireSize();
        RequireStack(layer);
        (Layer, Training) = (layer, training);
        var children = layer.Children;
        _children = children.Count;
        _steps = new ForwardPass<T>[_children];
        for (var i = 0; i < _steps.Length; i++) _steps[i] = NewStep(children[i]);
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
    public Matrix<T> Output => HasRun ? _output! : throw NotRun();

    /// <summary>dL/dY as the backward pass received it; null before one, and where nothing from here on back learns.</summary>
    public Matrix<T>? OutputGradient => _stage >= Stage.Backward ? _dY : null;

    /// <summary>dL/dX as the backward pass returned it; null before one, and where nobody needed it.</summary>
    public Matrix<T>? InputGradient => _stage == Stage.Done ? _dX : null;

    /// <summary>
    /// Whether the running backward pass needs dL/dX. A layer whose dL/dX is costly may skip it and return null where this is false:
    /// the first layer of a network in training, see <see cref="Layer{T}.AccumulateGradients"/>.
    /// </summary>
    public bool NeedsInputGradient { get; private set; } = true;

    /// <summary>
    /// Whether a backward pass has something to add to: whether the layer has a parameter, of its own or within it, that is not frozen. A container may leave out the
    /// backward pass of a step that learns nothing where nobody needs its dL/dX either; its <see cref="OutputGradient"/> is then null.
    /// </summary>
    public bool Learns
    {
        get
        {
            var structure = Structure.Version;
            if (_learnsOf != structure) (_learns, _learnsOf) = (Layer.CountLearning() > 0, structure);
            return _learns;
        }
    }

    /// <summary>
    /// How many of its T rows each sequence of the batch really has, from the first on; empty where all have T. Set it on the pass of the whole network, before it runs forward; its steps see the same.
    /// Layers that mix the rows of a sequence (recurrent ones, attention, pooling over time) look at no row beyond; what they give there is 0 or of no meaning, as each says.
    /// </summary>
    /// <remarks>Not copied: leave the numbers unchanged until the backward pass is done. Rows beyond are best zeros, and finite: layers with weights multiply them by a gradient of 0.</remarks>
    /// <exception cref="InvalidOperationException">It is set on a step within another pass.</exception>
    public ReadOnlyMemory<int> SequenceLengths
    {
        get => _parent is null ? field : _parent.SequenceLengths;
        set
        {
            if (_parent is not null) throw new InvalidOperationException($"{Who} is a step of another pass, whose SequenceLengths it has; set them there.");
            field = value;
        }
    }

    /// <summary>How many rows of the network's input a sample has, where somebody knows: a sequence is then one sample's. 0 where nobody does. Set on the pass of the whole network.</summary>
    internal int RowsOfSample
    {
        get;
        set
        {
            if (field == value) return;
            field = value;
            DeclareAnew();
        }
    }

    /// <summary>Whether only the next step of its <see cref="Continuation{T}"/> may run the pass: it would lose what it remembers.</summary>
    internal bool IsReserved { get; set; }

    /// <summary>The passes through the layer's children, in order, and those that <see cref="AddStep"/> added; empty for a layer without children.</summary>
    public IReadOnlyList<ForwardPass<T>> Steps => _stepsToRead ??= Array.AsReadOnly(_steps);

    /// <summary>The same as <see cref="Steps"/>, for loops in which nanoseconds count.</summary>
    public ReadOnlySpan<ForwardPass<T>> StepSpan => _steps;

    /// <summary>The first pass through the child with this name.</summary>
    /// <param name="name">A name as in <see cref="Layer{T}.Children"/>.</param>
    /// <exception cref="KeyNotFoundException">The layer has no such child, or this pass was made before it had.</exception>
    public ForwardPass<T> this[string name] => Layer.IndexOfChild(name) is var i && i < _children
        ? _steps[i]
        : throw new KeyNotFoundException($"{Who} got its layer \"{name}\" after this pass was made; make a new one with NewPass().");

    /// <summary>For layers: a matrix to put the output into, reused from pass to pass. Its contents are unspecified.</summary>
    /// <param name="rows">Rows, usually those of the input.</param>
    /// <param name="columns">Columns.</param>
    public Matrix<T> NewOutput(int rows, int columns) => Unspecified(_outputs.Get(rows, columns, _input));

    /// <summary>For layers: a matrix of the input's shape to put dL/dX into, reused from pass to pass. Its contents are unspecified.</summary>
    public Matrix<T> NewInputGradient() => Unspecified(_inputGradients.Get(Input.RowCount, Input.ColumnCount, OutputGradient));

    /// <summary>One checked step forward: y = f(x) of this pass's layer.</summary>
    /// <remarks>A container calls this in its <c>ForwardCore</c>: <c>pass.Steps[i].Forward(x)</c>. In training, a pass is not run on its own output: its backward
    /// pass knows but the last of the two. A layer that stands in several places has a pass for each.</remarks>
    /// <param name="x">The input, samples x features; dense. Kept by reference until the backward pass.</param>
    /// <returns>The output, which is <see cref="Output"/>; the pass's next use overwrites it.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense, has the wrong number of columns, or is what this pass gave in training; or the network has grown since
    /// the pass was made.</exception>
    /// <exception cref="InvalidOperationException">The layer returned null, or a matrix that is sparse or not of the shape it declares; or the pass is in use.</exception>
    public Matrix<T> Forward(Matrix<T> x)
    {
        var parent = _parent;
        if (parent is null || parent._user == 0) return ForwardOutermost(x);
        if (_user != 0) throw InUse();
        _user = 1;
        try
        {
            return StepForward(x);
        }
        finally
        {
            _user = 0;
        }
    }

    /// <summary>One checked step back: adds the gradients of the parameters to what is there, and returns dL/dX.</summary>
    /// <param name="dY">dL/dY, of the output's shape; dense.</param>
    /// <param name="needsInputGradient">Whether dL/dX is needed; a layer may leave it out where it is not.</param>
    /// <returns>dL/dX, of the input's shape; null where it is not needed. The pass's next use overwrites it.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="dY"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="dY"/> is not dense or not of the output's shape.</exception>
    /// <exception cref="InvalidOperationException">The pass has not run forward, or one of its steps has since run on its own; the layer returned null, or a matrix that is sparse or not of
    /// the input's shape; or the pass is in use.</exception>
    public Matrix<T>? Backward(Matrix<T> dY, bool needsInputGradient = true)
    {
        var parent = _parent;
        if (parent is null || parent._user == 0) return BackwardOutermost(dY, needsInputGradient);
        if (_user != 0) throw InUse();
        _user = 1;
        try
        {
            return StepBackward(dY, needsInputGradient);
        }
        finally
        {
            _user = 0;
        }
    }

    /// <summary>For passes of containers that run a child more than once in a forward pass, as a recurrent one does: makes one more pass through it, the last of the <see cref="Steps"/>.</summary>
    /// <param name="child">A child of the layer.</param>
    /// <returns>The pass.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="child"/> is null.</exception>
    /// <exception cref="ArgumentException">It is no child of the layer.</exception>
    protected ForwardPass<T> AddStep(NamedLayer<T> child)
    {
        ArgumentNullException.ThrowIfNull(child);
        if (!Layer.Children.Contains(child)) throw new ArgumentException($"{Layer} has no layer {child.Name}, {child.Layer}, to make another step of.", nameof(child));
        var step = NewStep(child);
        step.FillsWithNaN = FillsWithNaN;
        (_steps, _stepsToRead) = ([.. _steps, step], null);
        return step;
    }

    /// <summary>Whether there is an output: a layer may leave out a child.</summary>
    internal bool HasRun => _stage >= Stage.Forward;

    /// <summary>Whether what <see cref="NewOutput"/> and <see cref="NewInputGradient"/> give is full of NaN, here and in all steps: for the gradient check.</summary>
    internal bool FillsWithNaN
    {
        get;
        set
        {
            field = value;
            foreach (var step in _steps) step.FillsWithNaN = value;
        }
    }

    /// <summary>Says that <see cref="Layer{T}.NewPass"/> has made this pass; else its type is compared with one that it makes.</summary>
    /// <exception cref="InvalidOperationException">The layer's NewPass makes passes of another type, none, or some of another layer.</exception>
    internal void RequireKnown()
    {
        if (!_known) Know();
    }

    private void Know()
    {
        var type = Made(Layer, Training).GetType();
        if (!type.IsInstanceOfType(this))
            throw new ArgumentException($"{Layer} was given a {Name(GetType())}, but works with a {Name(type)}; make one with its own NewPass().", "pass");
        _known = true;
    }

    /// <summary>A pass that the layer itself has made, looked at.</summary>
    internal static ForwardPass<T> Made(Layer<T> layer, bool training)
    {
        var pass = layer.NewPass(training);
        if (pass is null || !ReferenceEquals(pass.Layer, layer) || pass.Training != training)
            throw new InvalidOperationException($"{layer} expects its NewPass({(training ? "training: true" : "training: false")}) to give a pass of its own for that mode, but it gave {(pass is null ? "null" : $"one of {pass.Layer}, {(pass.Training ? "training" : "evaluating")}")}.");
        pass._known = true;
        return pass;
    }

    /// <summary>Whether the pass is one through this layer as it is now, with a step for each of its children.</summary>
    internal bool LeadsThrough(Layer<T> layer)
    {
        if (!ReferenceEquals(Layer, layer) || _children != layer.Children.Count) return false;
        for (var i = 0; i < _children; i++)
            if (!_steps[i].LeadsThrough(layer.Children[i].Layer)) return false;
        return true;
    }

    /// <summary>The layer, with its path before it where it stands in another.</summary>
    internal string Who => Path is { Length: > 0 } path ? $"{path}: {Layer}" : $"{Layer}";

    /// <summary>The names on the way to this pass's layer from the one that was called.</summary>
    internal string Path
    {
        get
        {
            if (_parent is null) return "";
            var step = Array.IndexOf(_parent._steps, this);
            var children = _parent.Layer.Children;
            var name = step >= 0 && step < children.Count && ReferenceEquals(children[step].Layer, Layer)
                ? children[step].Name
                : children.FirstOrDefault(child => ReferenceEquals(child.Layer, Layer))?.Name ?? "?";
            return _parent.Path is { Length: > 0 } path ? $"{path}.{name}" : name;
        }
    }

    private ForwardPass<T> NewStep(NamedLayer<T> child)
    {
        var step = Made(child.Layer, Training);
        if (step._parent is not null)
            throw new InvalidOperationException($"{child.Layer} expects its NewPass to make a new pass each time, but it gave one that is in use.");
        step._parent = this;
        _levels = Math.Max(_levels, step._levels + 1);
        return _levels <= Layer<T>.MostLevels ? step : throw TooDeep(Layer);
    }

    /// <summary>Asks the layer what it makes of such an input, and whether it takes it at all; and looks through the whole tree for a pass older than its layer.</summary>
    private void Declare(Matrix<T> x)
    {
        if (x.Entries() is null) Operand.Dense(Who, x!, nameof(x));
        var structure = Structure.Version;
        if (_structure != structure) RequireUpToDate();
        int rows, columns;
        try
        {
            (rows, columns) = (Layer.DeclaredRows(x!.RowCount), Layer.DeclaredColumns(x.ColumnCount));
        }
        catch (ShapeRefusedException refusal)
        {
            throw refusal.At(Path, Operand.Shape(x!), x!.ColumnCount);
        }
        catch (ArgumentException refusal) when (_parent is not null)
        {
            throw RefusalInStepException.In(Path, refusal);
        }
        catch (ArgumentException refusal) when (refusal.ParamName is null)
        {
            throw new ArgumentException(refusal.Message, nameof(x), refusal);
        }

        if (Layer.RowsOfSequence > 0) RequireSequencesOfSamples(x.RowCount);
        (_rows, _columns, _outputRows, _outputColumns, _structure) = (x.RowCount, x.ColumnCount, rows, columns, structure);
        (_stage, _output, _dY, _dX) = (Stage.None, null, null, null);      // they were looked at for another shape
    }

    private void RequireSequencesOfSamples(int rows)
    {
        var (whole, steps) = (Outermost, Layer.RowsOfSequence);
        if (whole.RowsOfSample == 0) return;
        var samples = (ReferenceEquals(whole, this) ? rows : whole.Input.RowCount) / whole.RowsOfSample;
        if (samples <= 1 || (rows % samples == 0 && rows / samples % steps == 0)) return;
        throw new ArgumentException(Invariant($"{Layer} expects the {steps} rows of a sequence to be of one sample, but {samples} samples have {rows} rows: make them with inputRows: {steps}."));
    }

    private void DeclareAnew()
    {
        _structure = 0;
        foreach (var step in _steps) step.DeclareAnew();
    }

    private void RequireUpToDate()
    {
        if (Layer.Children.Count != _children)
            throw new ArgumentException($"{Who} was given a pass that was made when it had {_children} layer{(_children == 1 ? "" : "s")}; make a new one with NewPass().", "pass");
        foreach (var step in _steps) step.RequireUpToDate();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Matrix<T> StepForward(Matrix<T> x)
    {
        if (!ReferenceEquals(x, _input) || _structure != Structure.Version) Admit(x);
        _stage = Stage.None;
        if (_parent is { } parent) parent._runsOfSteps = unchecked(parent._runsOfSteps + 1);
        var y = Layer.RunCore(x, this);
        if (y is null || !ReferenceEquals(y, _output)) AdmitOutput(y);      // throws where it is null
        _runsOfStepsThen = _runsOfSteps;
        _stage = Stage.Forward;
        return y!;
    }

    private void Admit(Matrix<T> x)
    {
        var own = HasRun && ReferenceEquals(x?.Storage, _output!.Storage) && !ReferenceEquals(x?.Storage, _input!.Storage);
        if (x.Entries() is null || x!.ColumnCount != _columns || x.RowCount != _rows || _structure != Structure.Version) Declare(x!);
        if (own && Training) throw OwnOutput();
        (_inputWasOwnOutput, _input) = (own, x);
    }

    private void AdmitOutput(Matrix<T>? y)
    {
        if (y.Entries() is null || y!.RowCount != _outputRows || y.ColumnCount != _outputColumns) throw WrongOutput(y);
        (_output, _dY) = (y, null);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Matrix<T>? StepBackward(Matrix<T> dY, bool needsInputGradient)
    {
        if (!HasRun) throw NotRun();
        if (dY is null || !ReferenceEquals(dY, _dY)) AdmitOutputGradient(dY);
        if (_inputWasOwnOutput || _runsOfStepsThen != _runsOfSteps) throw NotOfThisBatch();

        NeedsInputGradient = needsInputGradient;
        _stage = Stage.Backward;
        var dX = Layer.RunBackwardCore(this, dY!);
        if (!needsInputGradient) return null;
        if (dX is null || !ReferenceEquals(dX, _dX)) AdmitInputGradient(dX);
        _stage = Stage.Done;
        return dX;
    }

    private void AdmitOutputGradient(Matrix<T>? dY)
    {
        Operand.Exactly(Layer, dY!, _outputRows, _outputColumns, nameof(dY));
        _dY = dY;
    }

    private void AdmitInputGradient(Matrix<T>? dX)
    {
        if (dX.Entries() is null || dX!.RowCount != _rows || dX.ColumnCount != _columns) throw WrongInputGradient(dX);
        _dX = dX;
    }

    /// <summary>Refuses an operand that the pass, or a gradient, is about to overwrite while it is needed.</summary>
    private void RefuseShared(Matrix<T>? operand, string name, bool isInput)
    {
        if (operand.Entries() is not { } entries) return;       // refused later, in other words
        if (Layer.ParameterOf(entries) is { } parameter)
            throw new ArgumentException($"{Who} expects {name} apart from its gradients, but it shares its entries with that of {parameter}, which the backward pass adds to.", name);
        var own = isInput ? _output.Entries() : _dX.Entries();  // what the pass itself gave last is looked at by itself
        if (!ReferenceEquals(entries, own) && (isInput ? Writes(entries) : WritesBack(entries)))
            throw new ArgumentException($"{Who} expects {name} apart from what lies in the same pass, but it is a matrix of one of its steps, which would be overwritten; copy it with Clone().", name);
    }

    private bool Writes(T[] entries)
    {
        if (_outputs.Holds(entries) || _inputGradients.Holds(entries)) return true;
        foreach (var step in _steps)
            if (step.Writes(entries)) return true;
        return false;
    }

    private bool WritesBack(T[] entries)
    {
        if (_inputGradients.Holds(entries)) return true;
        foreach (var step in _steps)
            if (step.WritesBack(entries)) return true;
        return false;
    }

    private ForwardPass<T> Outermost => _parent is null ? this : _parent.Outermost;

    private Matrix<T> ForwardOutermost(Matrix<T> x)
    {
        if (Outermost.IsReserved) throw new InvalidOperationException($"{Who} cannot run forward in this pass, which a continuation of it needs: call its Append, or make another pass with NewPass().");
        if (!ReferenceEquals(x, _input)) RefuseShared(x, nameof(x), isInput: true);
        var me = Enter();
        try
        {
            var y = StepForward(x);
            return _user == me ? y : throw InUse();
        }
        catch (ArgumentException refusal) when (Refusing() is { Length: > 0 } path)
        {
            throw RefusalInStepException.In(path, refusal);
        }
        finally
        {
            _user = 0;
        }
    }

    private Matrix<T>? BackwardOutermost(Matrix<T> dY, bool needsInputGradient)
    {
        if (!ReferenceEquals(dY, _dY)) RefuseShared(dY, nameof(dY), isInput: false);
        var me = Enter();
        try
        {
            var dX = StepBackward(dY, needsInputGradient);
            return _user == me ? dX : throw InUse();
        }
        catch (ArgumentException refusal) when (Refusing() is { Length: > 0 } path)
        {
            throw RefusalInStepException.In(path, refusal);
        }
        finally
        {
            _user = 0;
        }
    }

    // Not a lock, which would cost more than small layers do: where two threads come in at the same instant, at least one of them is told at the end. No two that are
    // in here at once have one place on the stack.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe nint Enter()
    {
        if (_user != 0) throw InUse();
        byte place;
        return _user = (nint)(&place);
    }

    /// <summary>The names on the way to the step in which an exception arose.</summary>
    private string Refusing()
    {
        var pass = this;
        while (Array.Find(pass._steps, step => step._user != 0) is { } inner) pass = inner;
        return pass.Path;
    }

    private Matrix<T> Unspecified(Matrix<T> matrix)
    {
        if (FillsWithNaN) matrix.Span().Fill(T.NaN);
        return matrix;
    }

    // The network may be so deep that it cannot even be counted how deep.
    private static void RequireStack(Layer<T> layer)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw TooDeep(layer);
    }

    private static InvalidOperationException TooDeep(Layer<T> layer) => new($"{Name(layer.GetType())} holds more than {Layer<T>.MostLevels} levels of layers within each other, which is too deep for a thread's stack.");

    private static string Name(Type type) => type.Name.Split('`')[0];

    private static string Returned(Matrix<T>? matrix) =>
        matrix is null ? "null" : matrix.Entries() is not null ? $"a {Operand.Shape(matrix)} matrix" : $"a {Operand.Shape(matrix)} {matrix.GetType().Name}";

    private InvalidOperationException WrongOutput(Matrix<T>? y) => new(
        $"{Who} returned {Returned(y)} for a {Operand.Shape(_input!)} input, but it declares a dense {_outputRows}x{_outputColumns} output (OutputRows, OutputColumns).");

    private InvalidOperationException WrongInputGradient(Matrix<T>? dX) => new(
        $"{Who} returned {Returned(dX)} as dL/dX, but it needs a dense {Operand.Shape(_input!)} matrix, the shape of its input (NeedsInputGradient is true).");

    private InvalidOperationException NotOfThisBatch()
    {
        if (_inputWasOwnOutput) return new($"{Who} has run forward on its own output, which it has overwritten since: there is nothing to go back through.");
        return new($"{Who} expects its steps as its own forward pass left them, but one of them has run forward on its own since; run forward again before Backward.");
    }

    private ArgumentException OwnOutput() => new(
        $"{Who} was given x, its own output in the same pass, in training: the pass can go back through the last of the two runs only. Use a pass for each run, or evaluation.", "x");

    private InvalidOperationException InUse() => new($"{Who} was given a pass that is in use, by another thread or by itself; use a pass for each.");

    private InvalidOperationException NotRun() => new($"{Who} has not run forward with this pass yet: call Forward(x, pass) first.");

    // How far the pass has come. While the layer runs forward that is nowhere, so what it left the last time cannot be taken for its output.
    private enum Stage : byte
    {
        None,
        Forward,
        Backward,
        Done,
    }
}
