using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>One differentiable step of a network. It holds parameters, never activations.</summary>
/// <remarks>
/// <para>A batch is a matrix with a row for each sample and a column for each feature.</para>
/// <para>To write a layer, subclass this and write two methods: <see cref="ForwardCore"/>, y = f(x), and <see cref="BackwardCore"/>, which adds
/// dL/dθ to each parameter's gradient and returns dL/dX. Give the parameters to <see cref="Register{TParameter}(TParameter, string?)"/> in the constructor.
/// Then let <see cref="GradientCheck"/> say whether the derivative is right.</para>
/// </remarks>
/// <threadsafety>Forward passes without training, or each with a pass of its own, may run on many threads at once. Backward passes add to
/// the parameters' gradients, so they and optimizer steps want one thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
[DynamicallyAccessedMembers(Settings.Fields)]
public abstract class Layer<T> : IDescribed where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    /// <summary>Layers within layers, at most. Each level takes some frames of the stack; so many fit on any thread's.</summary>
    internal const int MostLevels = 200;

    /// <summary>Places in which layers stand, at most.</summary>
    private const int MostPlaces = 1 << 17;

    private List<NamedLayer<T>> _children = [];
    private List<NamedParameter<T>> _own = [];
    private List<Buffer<T>> _buffers = [];
    private List<Generator> _generators = [];
    private ServingPasses<T> _passes = new();
    private ReadOnlyCollection<NamedLayer<T>>? _childrenToRead;
    private ReadOnlyCollection<Parameter<T>> _parameters = ReadOnlyCollection<Parameter<T>>.Empty;
    private int _parametersOf;      // the structure whose parameters these are
    private int _sizeOf;            // the structure whose size was looked at

    /// <summary>Refuses element types other than float and double.</summary>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is neither float nor double.</exception>
    protected Layer() => Element.Require<T>();

    /// <summary>The layers this one is made of, in order, with their names; empty for most.</summary>
    public IReadOnlyList<NamedLayer<T>> Children => _childrenToRead ??= _children.AsReadOnly();

    /// <summary>All parameters to learn: the layer's own, then its children's, each once even if it stands in several places. The same list until the network grows.</summary>
    public IReadOnlyList<Parameter<T>> Parameters
    {
        get
        {
            var structure = Structure.Version;
            if (_parametersOf != structure) (_parameters, _parametersOf) = (Array.AsReadOnly(NamedParameters().Select(named => named.Parameter).Distinct().ToArray()), structure);
            return _parameters;
        }
    }

    /// <summary>The input columns the layer insists on, or null where any number will do.</summary>
    public virtual int? InputColumns => null;

    /// <summary>The fewest samples that a batch must have in training: 2 where a layer takes the batch's own statistics. By default what the children need, at least 1.</summary>
    public virtual int MinTrainingRows
    {
        get
        {
            RequireSize();
            var rows = 1;
            foreach (var child in _children) rows = Math.Max(rows, child.Layer.MinTrainingRows);
            return rows;
        }
    }

    /// <summary>What the layer computes, as a formula: <c>y = x W^T + b</c>.</summary>
    public virtual string Formula => "";

    /// <summary>How gradients flow back through it, as formulas: <c>dX = dY W</c>.</summary>
    public virtual string Derivative => "";

    /// <summary>The columns of the output for an input of so many columns; by default as many. What the layer returns is held against it.</summary>
    /// <remarks>A container asks its children through <see cref="NamedLayer{T}.OutputColumns"/>, so that a refusal names them.</remarks>
    /// <param name="inputColumns">Columns of the input; where a layer without children has <see cref="InputColumns"/>, as many.</param>
    /// <exception cref="ArgumentException">The layer takes no input of so many columns.</exception>
    public virtual int OutputColumns(int inputColumns) => inputColumns;

    /// <summary>The rows of the output for an input of so many rows; by default as many. What the layer returns is held against it.</summary>
    /// <remarks>Layers that merge or split the rows of a sequence have others, and refuse rows that are no multiple of its length.</remarks>
    /// <param name="inputRows">Rows of the input.</param>
    /// <exception cref="ArgumentException">The layer takes no input of so many rows.</exception>
    public virtual int OutputRows(int inputRows) => inputRows;

    /// <summary>T, for layers that take T consecutive rows for a sequence; 0 for others.</summary>
    internal virtual int RowsOfSequence => 0;

    /// <summary>All parameters with their names, as PyTorch's <c>state_dict</c> has them: <c>hidden.weight</c>.</summary>
    public IEnumerable<NamedParameter<T>> NamedParameters() =>
        Tree().SelectMany(place => place.Layer._own.Select(own => own with { Name = place.Path + own.Name }));

    /// <summary>What the layers keep but do not learn, with its names, as PyTorch's <c>state_dict</c> has them: <c>norm.running_mean</c>.</summary>
    public IEnumerable<NamedBuffer<T>> NamedBuffers() =>
        Tree().SelectMany(place => place.Layer._buffers.Select(buffer => new NamedBuffer<T>(place.Path + buffer.Name, buffer)));

    /// <summary>What the layers draw random numbers from in training, each once: part of a checkpoint.</summary>
    public IEnumerable<Generator> Generators => Tree().SelectMany(place => place.Layer._generators).Distinct();

    /// <summary>Lets the layer, and all within it, stay as it is: parameters get no gradient and no step, and running statistics stand still.</summary>
    /// <remarks>It acts on parameters and buffers, so one that stands in several places is frozen in all. dL/dX still flows to what is before, dropout still drops.</remarks>
    public void Freeze() => SetFrozen(true);

    /// <summary>Lets the layer, and all within it, learn again.</summary>
    public void Unfreeze() => SetFrozen(false);

    /// <summary>Makes a new pass for this layer. Keep one for each thread and reuse it.</summary>
    /// <param name="training">Training mode, as opposed to evaluation mode.</param>
    /// <exception cref="InvalidOperationException">The network is nested too deeply.</exception>
    public virtual ForwardPass<T> NewPass(bool training = true) => new(this, training);

    /// <summary>Computes the output in evaluation mode and remembers nothing. Thread-safe.</summary>
    /// <param name="x">The input, samples x features; dense.</param>
    /// <returns>The output, samples x <see cref="OutputColumns"/>.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense or has the wrong number of columns.</exception>
    public Matrix<T> Forward(Matrix<T> x) => ForwardPass<T>.Made(this, training: false).Forward(x);

    /// <summary>Computes the output for one sample in evaluation mode and remembers nothing. Thread-safe.</summary>
    /// <param name="x">The features of one sample; dense.</param>
    /// <returns>The output for this sample.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="x"/> is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense or has the wrong length.</exception>
    public Vector<T> Forward(Vector<T> x)
    {
        // One row, column after column, lies in memory as the vector does.
        var y = Forward(Matrix<T>.Build.Dense(1, x?.Count ?? 0, Operand.Dense(this, x!, nameof(x))));
        return Vector<T>.Build.Dense(y.AsColumnMajorArray());
    }

    /// <summary>Computes the output in evaluation mode into a matrix that is there already. Thread-safe; allocates nothing once as many passes were made as threads come at once.</summary>
    /// <param name="x">The input, samples x features; dense.</param>
    /// <param name="result">Receives the output: dense, and not the input.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense or has the wrong shape.</exception>
    public void Predict(Matrix<T> x, Matrix<T> result) => Predict(x, result, default);

    /// <summary>Computes the output for sequences of different lengths.</summary>
    /// <inheritdoc cref="Predict(Matrix{T}, Matrix{T})"/>
    /// <param name="x">The input, samples x features; dense.</param>
    /// <param name="result">Receives the output: dense, and not the input.</param>
    /// <param name="lengths">How many of its rows each sequence really has, see <see cref="ForwardPass{T}.SequenceLengths"/>; empty where all have all.</param>
    /// <exception cref="ArgumentNullException">A matrix is null.</exception>
    /// <exception cref="ArgumentException">A matrix is not dense or has the wrong shape; or there is not a length for each sequence, or one that is too short or too long.</exception>
    public void Predict(Matrix<T> x, Matrix<T> result, ReadOnlyMemory<int> lengths)
    {
        Operand.Dense(this, result, nameof(result));
        Operand.Dense(this, x, nameof(x));
        SequenceRows.RequireLengths(this, lengths.Span, x.RowCount, nameof(lengths));
        var serving = _passes.Take(this);
        try
        {
            serving.Pass.SequenceLengths = lengths;
            var y = serving.Pass.Forward(x);
            Operand.Exactly(this, result, y.RowCount, y.ColumnCount, nameof(result));
            y.Span().CopyTo(result.Span());
        }
        finally
        {
            serving.Pass.SequenceLengths = default;
            _passes.Give(serving);
        }
    }

    /// <summary>Computes the output for one sample in evaluation mode into a vector that is there already. Thread-safe, and allocates nothing, as for a matrix.</summary>
    /// <param name="x">The features of one sample.</param>
    /// <param name="result">Receives the output.</param>
    /// <exception cref="ArgumentException">A length is wrong.</exception>
    public void Predict(ReadOnlySpan<T> x, Span<T> result)
    {
        var serving = _passes.Take(this);
        try
        {
            var row = serving.Row(x.Length);
            x.CopyTo(row.Span());
            var y = serving.Pass.Forward(row).Span();
            if (result.Length != y.Length) throw new ArgumentException($"{this} expects result to have {Signature.Number(y.Length)} values, but it has {Signature.Number(result.Length)}.", nameof(result));
            y.CopyTo(result);
        }
        finally
        {
            _passes.Give(serving);
        }
    }

    /// <summary>Makes what serves predictions fastest: a snapshot of the weights, laid out for it, with the same bits as <see cref="Forward(Matrix{T})"/>.</summary>
    /// <param name="inputColumns">Columns of the input; <see cref="InputColumns"/> where none are given.</param>
    /// <param name="foldBatchNorm">Whether to let a linear layer do the work of the batch normalisation that follows it. This rounds otherwise, so the bits are not those of <see cref="Forward(Matrix{T})"/>.</param>
    /// <returns>The predictor, which any number of threads may use.</returns>
    /// <exception cref="ArgumentException">The model takes no input of so many columns, or any number of them and none is given.</exception>
    /// <exception cref="NotSupportedException">A layer of the model cannot be cloned; see <see cref="Clone"/>.</exception>
    public Predictor<T> ToPredictor(int? inputColumns = null, bool foldBatchNorm = false) => new(this, inputColumns, foldBatchNorm);

    /// <summary>Copies the values of all parameters and buffers into a model that is built alike: to keep them, or to serve from while this one learns on.</summary>
    /// <param name="other">The other model.</param>
    /// <exception cref="ArgumentNullException"><paramref name="other"/> is null.</exception>
    /// <exception cref="ArgumentException">It has other parameters or buffers; nothing is changed.</exception>
    public void CopyTo(Layer<T> other)
    {
        ArgumentNullException.ThrowIfNull(other);
        ModelState<T> ours = ModelState<T>.Of(this), theirs = ModelState<T>.Of(other);
        if (!ours.Fits(theirs)) throw new ArgumentException($"CopyTo expects a model with the same parameters and buffers as {this}, but {other} has others.", nameof(other));
        ours.CopyTo(theirs);
    }

    /// <summary>Makes a copy that has all of its own: layers, parameters, buffers, and generators that will draw the same numbers. Gradients are 0; what is frozen is frozen in the copy.</summary>
    /// <remarks>
    /// <para>What stands in several places stands in several places of the copy. <see cref="Generator.Default"/> stays the one that it is. The optimizer of the copy is one that is made for it.</para>
    /// <para>Fields of layers are copied where they hold layers, parameters, buffers, generators, vectors, matrices, arrays of such or of numbers, or a <see cref="List{T}"/> of layers, parameters, numbers or texts; and are shared where they hold what never changes: numbers, texts, losses, tuples and
    /// structs of these, functions that have caught nothing. For all others <see cref="CloneField"/> is asked.</para>
    /// </remarks>
    /// <returns>The copy, of the same type.</returns>
    /// <exception cref="NotSupportedException">A field of a layer holds what only the layer can copy, and it does not say how.</exception>
    public Layer<T> Clone()
    {
        RequireSize();
        var copy = CloneWith(new());
        Structure.Changed();
        return copy;
    }

    /// <summary>Computes the output and leaves in <paramref name="pass"/> what the backward pass needs.</summary>
    /// <param name="x">The input, samples x features; dense. Kept by reference until the backward pass.</param>
    /// <param name="pass">A pass of this layer.</param>
    /// <returns>The output, which is <see cref="ForwardPass{T}.Output"/>; the pass's next use overwrites it.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not dense or has the wrong number of columns, or the pass is another layer's.</exception>
    public Matrix<T> Forward(Matrix<T> x, ForwardPass<T> pass)
    {
        RequireOwn(pass);
        return pass.Forward(x);
    }

    /// <summary>Adds the gradients of the parameters to what is there, and returns the gradient of the input.</summary>
    /// <param name="pass">A pass of this layer that has run forward.</param>
    /// <param name="dY">dL/dY, of the output's shape; dense.</param>
    /// <returns>dL/dX, of the input's shape; the pass's next use overwrites it.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="dY"/> is not dense or not of the output's shape, or the pass is another layer's.</exception>
    /// <exception cref="InvalidOperationException">The pass has not run forward.</exception>
    public Matrix<T> Backward(ForwardPass<T> pass, Matrix<T> dY)
    {
        RequireOwn(pass);
        return pass.Backward(dY)!;
    }

    /// <summary>
    /// Adds the gradients of the parameters to what is there, and no more: what a training step needs, without the work of dL/dX.
    /// </summary>
    /// <param name="pass">A pass of this layer that has run forward.</param>
    /// <param name="dY">dL/dY, of the output's shape; dense.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException"><paramref name="dY"/> is not dense or not of the output's shape, or the pass is another layer's.</exception>
    /// <exception cref="InvalidOperationException">The pass has not run forward.</exception>
    public void AccumulateGradients(ForwardPass<T> pass, Matrix<T> dY)
    {
        RequireOwn(pass);
        pass.Backward(dY, needsInputGradient: false);
    }

    /// <summary>The layer as its constructor reads, <c>Linear(2 -> 3)</c>; messages use it. By default the type's name.</summary>
    public override string ToString() => $"{GetType().Name.Split('`')[0]}()";

    /// <summary>Says what the layer was made with: what must be the same to go on from a checkpoint. By default, all fields that never change;
    /// see <see cref="Settings"/>. Parameters, buffers and layers inside are looked after without it.</summary>
    /// <param name="settings">Takes names and values.</param>
    protected virtual void Describe(Settings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.AddFields(this, typeof(Layer<T>));
    }

    void IDescribed.Describe(Settings settings) => Describe(settings);

    /// <summary>For <see cref="Clone"/>: a copy of what a field holds, where only the layer knows what that is. By default it refuses.</summary>
    /// <param name="field">The field, property or constructor parameter.</param>
    /// <param name="value">What it holds.</param>
    /// <returns>A copy; or the value itself, where the two layers may share it.</returns>
    /// <exception cref="NotSupportedException">There is no copy.</exception>
    protected virtual object? CloneField(string field, object value) => throw new NotSupportedException(
        $"{this} cannot be cloned: its {field} holds a {Settings.NameOf(Expect.NotNull(value).GetType())}, of which only the layer knows what a copy is. Override CloneField.");

    /// <summary>y = f(x). Put the result into <see cref="ForwardPass{T}.NewOutput"/> and return it; leave <paramref name="x"/> unchanged.</summary>
    /// <param name="x">The input: dense, with as many columns as <see cref="InputColumns"/> says.</param>
    /// <param name="pass">A pass of this layer.</param>
    protected abstract Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass);

    /// <summary>
    /// Adds dL/dθ to the gradient of each parameter, puts dL/dX into <see cref="ForwardPass{T}.NewInputGradient"/> and returns it;
    /// leaves <paramref name="dY"/> and the pass's input unchanged. May return null where <see cref="ForwardPass{T}.NeedsInputGradient"/> is false.
    /// </summary>
    /// <param name="pass">A pass of this layer that has run forward.</param>
    /// <param name="dY">dL/dY: dense, of the output's shape.</param>
    protected abstract Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY);

    /// <summary>Makes a parameter known to optimizers and files. Call it in the constructor.</summary>
    /// <remarks>A parameter may be registered in two layers, which then share it: its gradients add up, an optimizer has it once, and a file has it under both names.</remarks>
    /// <param name="parameter">The parameter.</param>
    /// <param name="name">Its name in this layer, new to it; by default the parameter's own.</param>
    /// <returns>The parameter.</returns>
    /// <exception cref="ArgumentException">The name is empty or taken, or the parameter is registered here already.</exception>
    protected TParameter Register<TParameter>(TParameter parameter, string? name = null) where TParameter : Parameter<T>
    {
        ArgumentNullException.ThrowIfNull(parameter);
        name ??= parameter.Name;
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        RequireNewName(name, nameof(parameter));
        if (_own.Any(own => ReferenceEquals(own.Parameter, parameter))) throw new ArgumentException($"{GetType().Name.Split('`')[0]} has {parameter} already.", nameof(parameter));
        _own.Add(new NamedParameter<T>(name, parameter));
        Structure.Changed();
        return parameter;
    }

    /// <summary>Makes known to files what the layer keeps but does not learn. Call it in the constructor.</summary>
    /// <param name="buffer">The buffer; its name must be new to this layer.</param>
    /// <returns>The buffer.</returns>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    protected TBuffer RegisterBuffer<TBuffer>(TBuffer buffer) where TBuffer : Buffer<T>
    {
        ArgumentNullException.ThrowIfNull(buffer);
        RequireNewName(buffer.Name, nameof(buffer));
        _buffers.Add(buffer);
        Structure.Changed();
        return buffer;
    }

    /// <summary>Makes known to checkpoints what the layer draws random numbers from in training. Call it in the constructor.</summary>
    /// <param name="generator">The generator.</param>
    /// <returns>The generator.</returns>
    protected Generator Register(Generator generator)
    {
        ArgumentNullException.ThrowIfNull(generator);
        _generators.Add(generator);
        return generator;
    }

    /// <summary>Makes a layer known that this one is made of. Call it in the constructor.</summary>
    /// <param name="name">Its name: not empty, without a dot, new to this layer.</param>
    /// <param name="layer">The layer.</param>
    /// <returns>The layer.</returns>
    /// <exception cref="ArgumentException">The name is empty, has a dot, or is taken; or the layer would contain itself.</exception>
    protected TLayer Register<TLayer>(string name, TLayer layer) where TLayer : Layer<T>
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (name.Contains('.', StringComparison.Ordinal)) throw new ArgumentException($"{GetType().Name.Split('`')[0]}: the layer name \"{name}\" has a dot, which separates names in paths such as hidden.weight.", nameof(name));
        RequireNewName(name, nameof(name));
        layer.RequireSize();
        if (layer.Contains(this)) throw new ArgumentException($"The layer \"{name}\" contains the one it is added to.", nameof(layer));
        _children.Add(new NamedLayer<T>(name, layer));
        Structure.Changed();
        return layer;
    }

    internal Layer<T> CloneWith(Cloning<T> cloning)
    {
        if (cloning.Find(this) is Layer<T> known) return known;
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var copy = (Layer<T>)MemberwiseClone();
        (copy._children, copy._own, copy._buffers, copy._generators, copy._passes) = ([], [], [], [], new());
        (copy._childrenToRead, copy._parametersOf, copy._sizeOf) = (null, 0, 0);
        cloning.Add(this, copy);
        copy._own.AddRange(_own.Select(own => own with { Parameter = cloning.Of(own.Parameter) }));
        copy._buffers.AddRange(_buffers.Select(cloning.Of));
        copy._generators.AddRange(_generators.Select(cloning.Of));
        copy._children.AddRange(_children.Select(cloning.Of));
        cloning.CopyFields(this, copy, CloneField);
        return copy;
    }

    internal Matrix<T> RunCore(Matrix<T> x, ForwardPass<T> pass) => ForwardCore(x, pass);

    internal Matrix<T>? RunBackwardCore(ForwardPass<T> pass, Matrix<T> dY) => BackwardCore(pass, dY);

    /// <summary>The output columns for an input of so many, which the layer must take.</summary>
    internal int DeclaredColumns(int columns)
    {
        // A container asks its children first: they know their names.
        var declared = _children.Count > 0 ? OutputColumns(columns) : 0;
        if (InputColumns is int expected && expected != columns)
            throw new ShapeRefusedException($"{this}", string.Create(CultureInfo.InvariantCulture, $"{expected} input column{(expected == 1 ? "" : "s")}"), columns);
        if (_children.Count == 0) declared = OutputColumns(columns);
        return declared >= 0 ? declared : throw NegativeSize(nameof(OutputColumns), columns);
    }

    /// <summary>The output rows for an input of so many, which the layer must take.</summary>
    internal int DeclaredRows(int rows) => OutputRows(rows) is var declared and >= 0 ? declared : throw NegativeSize(nameof(OutputRows), rows);

    /// <summary>Where the child with this name stands in <see cref="Children"/>.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="KeyNotFoundException">There is no such child; the message names those that are.</exception>
    protected internal int IndexOfChild(string name)
    {
        for (var i = 0; i < _children.Count; i++)
            if (_children[i].Name == name) return i;
        throw new KeyNotFoundException($"There is no layer \"{name}\" here; there is: {string.Join(", ", _children.Select(child => child.Name))}.");
    }

    /// <summary>The parameters that are not frozen, here and within; one that stands in several places is counted in each.</summary>
    internal int CountLearning()
    {
        // Of networks that have passes, whose size was looked at; here nothing may be allocated.
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var count = 0;
        foreach (var own in _own)
            if (!own.Parameter.Frozen) count++;
        foreach (var child in _children) count += child.Layer.CountLearning();
        return count;
    }

    /// <summary>The parameter whose gradient these are the entries of, here or within.</summary>
    internal Parameter<T>? ParameterOf(T[] gradient)
    {
        foreach (var own in _own)
            if (ReferenceEquals(own.Parameter.GradientArray, gradient)) return own.Parameter;
        foreach (var child in _children)
            if (child.Layer.ParameterOf(gradient) is { } parameter) return parameter;
        return null;
    }

    private void SetFrozen(bool frozen)
    {
        foreach (var (_, parameter) in NamedParameters()) parameter.Frozen = frozen;
        foreach (var (_, buffer) in NamedBuffers()) buffer.Frozen = frozen;
    }

    private InvalidOperationException NegativeSize(string method, int size) => new($"{this} says {method}({Signature.Number(size)}) is negative.");

    private void RequireOwn(ForwardPass<T> pass)
    {
        ArgumentNullException.ThrowIfNull(pass);
        if (!ReferenceEquals(pass.Layer, this))
            throw new ArgumentException($"{this} was given a pass that belongs to another layer, {pass.Layer}; make one with its own NewPass().", nameof(pass));
        pass.RequireKnown();
    }

    private void RequireNewName(string name, string parameter)
    {
        if (_own.Any(own => own.Name == name) || _buffers.Any(buffer => buffer.Name == name) || _children.Any(child => child.Name == name))
            throw new ArgumentException($"The name \"{name}\" is taken; names within a layer are different from each other.", parameter);
    }

    /// <summary>This layer and all within it, parents first, each with what comes before the names of its own: <c>encoder.hidden.</c></summary>
    private IEnumerable<(string Path, Layer<T> Layer)> Tree()
    {
        RequireSize();
        var rest = new Stack<(string Path, Layer<T> Layer, int Level)>([("", this, 1)]);
        while (rest.TryPop(out var next))
        {
            yield return (next.Path, next.Layer);
            for (var i = next.Layer._children.Count - 1; i >= 0; i--)
                rest.Push(($"{next.Path}{next.Layer._children[i].Name}.", next.Layer._children[i].Layer, next.Level + 1));
        }
    }

    /// <summary>Refuses a network that is nested too deeply for a thread's stack, or whose layers, each counted as often as it stands somewhere, are more than could be walked.</summary>
    /// <exception cref="InvalidOperationException">It is.</exception>
    internal void RequireSize()
    {
        var structure = Structure.Version;
        if (_sizeOf == structure || _children.Count == 0) return;
        // Each layer once, whatever the number of places: children before their parents, without the stack.
        var sizes = new Dictionary<Layer<T>, (int Levels, long Places)>(ReferenceEqualityComparer.Instance);
        var rest = new Stack<(Layer<T> Layer, bool IsOpen)>([(this, false)]);
        while (rest.TryPop(out var next))
        {
            if (next.IsOpen)
            {
                var (levels, places) = (1, 1L);
                foreach (var child in next.Layer._children)
                {
                    var size = sizes.GetValueOrDefault(child.Layer, (1, 1));
                    (levels, places) = (Math.Max(levels, size.Levels + 1), Math.Min(places + size.Places, MostPlaces + 1));
                }

                if (levels > MostLevels) throw new InvalidOperationException($"{GetType().Name.Split('`')[0]} holds more than {MostLevels} levels of layers within each other, which is too deep for a thread's stack.");
                if (places > MostPlaces) throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{GetType().Name.Split('`')[0]} holds layers in more than {MostPlaces} places; a layer that stands in several counts in each."));
                sizes[next.Layer] = (levels, places);
            }
            else if (sizes.TryAdd(next.Layer, (1, 1)))
            {
                rest.Push((next.Layer, true));
                foreach (var child in next.Layer._children)
                    if (!sizes.ContainsKey(child.Layer)) rest.Push((child.Layer, false));
            }
        }

        _sizeOf = structure;
    }

    /// <summary>Whether another layer is this one or stands in it, at any depth; a depth that no stack would bear is refused.</summary>
    private bool Contains(Layer<T> other)
    {
        var seen = new HashSet<Layer<T>>(ReferenceEqualityComparer.Instance);
        var rest = new Stack<(Layer<T> Layer, int Level)>([(this, 1)]);
        while (rest.TryPop(out var next))
        {
            if (ReferenceEquals(next.Layer, other)) return true;
            if (next.Level >= MostLevels) throw new ArgumentException($"{GetType().Name.Split('`')[0]} holds {MostLevels} levels of layers within each other, and can stand in no other.");
            if (!seen.Add(next.Layer)) continue;
            foreach (var child in next.Layer._children) rest.Push((child.Layer, next.Level + 1));
        }

        return false;
    }
}
