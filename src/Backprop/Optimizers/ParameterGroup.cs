using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;

namespace Backprop;

/// <summary>The hyperparameters that every group of parameters has: what a learning rate scheduler sees of it.</summary>
public abstract class ParameterGroup
{
    /// <summary>The learning rate lr, at least 0; may be changed between steps.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double LearningRate { get; set => field = AtLeastZero(value); }

    /// <summary>The learning rate before any scheduler changed it; null while there is no scheduler.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double? InitialLearningRate { get; set => field = value is double rate ? AtLeastZero(rate) : null; }

    /// <summary>The weight decay λ, at least 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double WeightDecay { get; set => field = AtLeastZero(value); }

    /// <summary>Whether the weight decay is a part of the gradient or acts beside it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is neither.</exception>
    public WeightDecayMode WeightDecayMode { get; init => field = Expect.Defined(Owner, value, "weightDecayMode"); }

    /// <summary>Climb instead of descend.</summary>
    public bool Maximize { get; init; }

    /// <summary>What <see cref="OneCycleLR"/> moves against the learning rate: a momentum, or Adam's β₁; null where there is none.</summary>
    /// <exception cref="NotSupportedException">It is set where there is none.</exception>
    public virtual double? CycledMomentum
    {
        get => null;
        set => throw new NotSupportedException($"{Owner} has no momentum.");
    }

    /// <summary>The name of the optimizer, as in <c>SGD</c>.</summary>
    public override string ToString() => Owner;

    /// <summary>The name of the optimizer, for messages: an <c>SGDGroup</c> is <c>SGD</c>'s.</summary>
    protected string Owner
    {
        get
        {
            var name = GetType().Name.Split('`')[0];
            return name.EndsWith("Group", StringComparison.Ordinal) ? name[..^"Group".Length] : name;
        }
    }

    /// <summary>Whether the hyperparameters go together; called when the group joins an optimizer.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    protected virtual void Check() { }

    /// <summary>
    /// Names the hyperparameters that must be kept to go on later, in a fixed order. Called to read the state as well as to check and restore it:
    /// <c>Momentum = state.Value("momentum", Momentum);</c>. Buffers and step counts are kept without being named.
    /// </summary>
    /// <param name="state">Takes each value, and gives back the one to go on with.</param>
    protected virtual void Exchange(StateExchange state)
    {
        ArgumentNullException.ThrowIfNull(state);
        LearningRate = state.Value("lr", LearningRate);
        InitialLearningRate = state.Value("initial_lr", InitialLearningRate);
        WeightDecay = state.Value("weight_decay", WeightDecay);
        state.Same("decoupled_weight_decay", WeightDecayMode == WeightDecayMode.Decoupled);
        state.Same("maximize", Maximize);
    }

    /// <summary>Lets a hyperparameter through if it is finite.</summary>
    /// <param name="value">The value.</param>
    /// <param name="property">The property that is set.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    protected double Finite(double value, [CallerMemberName] string property = "") =>
        double.IsFinite(value) ? value : Expect.Finite(Owner, value, Argument(property));

    /// <summary>Lets a hyperparameter through if it is finite and not negative.</summary>
    /// <inheritdoc cref="Finite"/>
    protected double AtLeastZero(double value, [CallerMemberName] string property = "") =>
        value >= 0 && double.IsFinite(value) ? value : Expect.AtLeastZero(Owner, value, Argument(property));

    /// <summary>Lets a hyperparameter through if it is in [0, 1).</summary>
    /// <inheritdoc cref="Finite"/>
    protected double BelowOne(double value, [CallerMemberName] string property = "") =>
        value is >= 0 and < 1 ? value : Expect.BelowOne(Owner, value, Argument(property));

    internal void RunCheck() => Check();

    // LearningRate is set from an optimizer's argument learningRate.
    private static string Argument(string property) => char.ToLowerInvariant(property[0]) + property[1..];
}

/// <summary>Parameters that an optimizer moves in the same way: with the same hyperparameters, and with buffers of their own.</summary>
/// <remarks>
/// <para>To write an optimizer, subclass this: add the hyperparameters and name them in <see cref="ParameterGroup.Exchange"/>, <see cref="Register"/> the buffers
/// in the constructor, and write <see cref="Update"/>. The example is AdaGrad, the simple way; the fast way is a formula, an <see cref="IUpdateRule{T}"/>. Either
/// is given a gradient with the weight decay in it and its sign as it should be.</para>
/// <para>A parameter that is <see cref="Parameter{T}.Frozen"/> is passed over: it does not move, its buffers stay and its steps are not counted. So an
/// unfrozen one goes on as if the steps in between had not been, as in PyTorch where there is no gradient.</para>
/// </remarks>
/// <example>
/// <code>
/// public sealed class PlainAdagradGroup : ParameterGroup&lt;double&gt;
/// {
///     private readonly StateBuffer&lt;double&gt; _sum;
///
///     public PlainAdagradGroup(IEnumerable&lt;Parameter&lt;double&gt;&gt; parameters) : base(parameters, learningRate: 0.01) => _sum = Register("sum");
///
///     protected override void Update(UpdateStep&lt;double&gt; step)
///     {
///         foreach (var parameter in step)
///         {
///             Span&lt;double&gt; p = parameter.Values, sum = parameter[_sum];
///             var g = parameter.Gradient;
///             for (var i = 0; i &lt; p.Length; i++)
///             {
///                 sum[i] += g[i] * g[i];
///                 p[i] -= LearningRate * g[i] / (Math.Sqrt(sum[i]) + 1e-10);
///             }
///         }
///     }
/// }
///
/// var optimizer = new Optimizer&lt;double&gt;(new PlainAdagradGroup(model.Parameters) { WeightDecay = 0.1 });
/// </code>
/// </example>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ParameterGroup<T> : ParameterGroup where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int MostBuffers = 32;
    private readonly Progress[] _progress;                  // of each parameter
    private readonly List<StateBuffer<T>> _buffers = [];
    private T[][]? _scratch;
    private bool _mayMove, _isStepping;

    /// <summary>Takes the parameters to move.</summary>
    /// <param name="parameters">The parameters, at least one, none twice.</param>
    /// <param name="learningRate">The learning rate to start with.</param>
    /// <exception cref="ArgumentNullException">The parameters are null, or one of them is.</exception>
    /// <exception cref="ArgumentException">There are no parameters, or one is there twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The learning rate is negative or not finite.</exception>
    protected ParameterGroup(IEnumerable<Parameter<T>> parameters, double learningRate)
    {
        Element.Require<T>();
        ArgumentNullException.ThrowIfNull(parameters);
        ParameterArray = [.. parameters];
        if (ParameterArray.Length == 0) throw new ArgumentException($"{Owner} expects at least one parameter, but there is none.", nameof(parameters));
        if (Array.IndexOf(ParameterArray, null) is var missing and >= 0) throw new ArgumentNullException(nameof(parameters), $"{Owner} expects parameters, but number {missing} is null.");
        RequireDistinct(ParameterArray, Owner, nameof(parameters));
        _progress = new Progress[ParameterArray.Length];
        LearningRate = learningRate;
    }

    /// <summary>The parameters that are moved.</summary>
    public IReadOnlyList<Parameter<T>> Parameters => field ??= Array.AsReadOnly(ParameterArray);

    internal Parameter<T>[] ParameterArray { get; }

    /// <summary>How many steps have moved a parameter: those of this group, but for the ones in which it was frozen.</summary>
    /// <param name="parameter">A parameter of this group.</param>
    /// <exception cref="ArgumentNullException"><paramref name="parameter"/> is null.</exception>
    /// <exception cref="ArgumentException">It is not of this group.</exception>
    public long StepCount(Parameter<T> parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return Array.IndexOf(ParameterArray, parameter) is var index and >= 0
            ? _progress[index].Steps
            : throw new ArgumentException($"{Owner} expects one of the group's parameters, but {parameter} is none.", nameof(parameter));
    }

    /// <summary>Moves every parameter once, but for frozen ones; <see cref="Optimizer{T}.Step"/> calls it.</summary>
    public void Step()
    {
        // Parameters that follow each other and have come equally far are moved together, so that what depends on the number of the step, as Adam's
        // corrections do, is computed once for all of them: nearly always, these are all parameters.
        if (_isStepping) ThrowStepping();
        _isStepping = true;
        try
        {
            StepAll();
        }
        finally
        {
            _isStepping = false;
        }
    }

    private void StepAll()
    {
        var (parameters, progress) = (ParameterArray, _progress);
        for (int first = 0, end; first < parameters.Length; first = end)
        {
            end = first + 1;
            if (parameters[first].Frozen) continue;
            var (steps, buffers) = (progress[first].Steps, progress[first].Buffers);
            while (end < parameters.Length && !parameters[end].Frozen && progress[end].Steps == steps && progress[end].Buffers == buffers) end++;
            _mayMove = true;
            Update(new(this, first, end, steps + 1));
            for (var i = first; i < end; i++) progress[i].Steps = steps + 1;
        }
    }

    /// <summary>Moves parameters once: all of the group's, or where some were frozen at times, those that have made the same number of steps.</summary>
    /// <param name="step">The parameters and what belongs to this step.</param>
    protected abstract void Update(UpdateStep<T> step);

    /// <summary>Makes known what the rule remembers of past gradients. Call it in the constructor.</summary>
    /// <param name="name">The name in the state, as PyTorch has it: <c>momentum_buffer</c>.</param>
    /// <param name="initialValue">What values start from.</param>
    /// <returns>The buffer.</returns>
    /// <exception cref="ArgumentException">The name is empty, is <c>step</c> or is taken, or there are 32 buffers already.</exception>
    protected StateBuffer<T> Register(string name, double initialValue = 0)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (name == "step" || _buffers.Exists(buffer => buffer.Name == name)) throw new ArgumentException($"{Owner}: the name \"{name}\" is taken; buffers have names that are different from each other and from \"step\".", nameof(name));
        if (_buffers.Count == MostBuffers) throw new ArgumentException($"{Owner} expects at most {MostBuffers} buffers, but \"{name}\" is one more.", nameof(name));
        var added = new StateBuffer<T>(this, name, _buffers.Count, initialValue);
        _buffers.Add(added);
        return added;
    }

    /// <summary>A place for a gradient of each parameter, but the same one for all of a size.</summary>
    internal T[][] ScratchGradients => _scratch ??= NewScratch();

    /// <summary>Begins to move the parameters of a step.</summary>
    internal void Begin()
    {
        if (!_mayMove) ThrowMoved();
        _mayMove = false;
    }

    /// <summary>Whether a parameter has a buffer.</summary>
    internal bool Has(StateBuffer<T> buffer, int index)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        if (!ReferenceEquals(buffer.Group, this)) ThrowForeign(buffer);
        return (_progress[index].Buffers & buffer.Mask) != 0;
    }

    /// <summary>The arrays of a buffer, made where they are not for parameters that are alike in this.</summary>
    internal T[]?[] Arrays(StateBuffer<T> buffer, int first, int end)
    {
        if (!Has(buffer, first)) Make(buffer, first, end);
        return buffer.Arrays;
    }

    /// <summary>Takes what must be kept, and gives back what to go on with.</summary>
    /// <param name="state">The state.</param>
    /// <param name="group">The number of this group in the optimizer.</param>
    /// <param name="parameter">The number of its first parameter among all of the optimizer's.</param>
    internal void Exchange(StateExchange<T> state, int group, int parameter)
    {
        state.Prefix = $"groups.{group}.";
        Exchange(state);
        for (var i = 0; i < ParameterArray.Length; i++)
        {
            state.Prefix = $"{parameter + i}.";
            _progress[i].Steps = state.Count("step", _progress[i].Steps);
            foreach (var buffer in _buffers)
            {
                buffer.Arrays[i] = state.Array(buffer.Name, buffer.Arrays[i], ParameterArray[i]);
                _progress[i].Buffers = buffer.Arrays[i] is null ? _progress[i].Buffers & ~buffer.Mask : _progress[i].Buffers | buffer.Mask;
            }
        }
    }

    internal static void RequireDistinct(IEnumerable<Parameter<T>> parameters, string owner, string name)
    {
        var seen = new HashSet<Parameter<T>>();
        foreach (var parameter in parameters)
            if (!seen.Add(parameter)) throw new ArgumentException($"{owner} expects each parameter once, but {parameter} is there twice.", name);
    }

    private void Make(StateBuffer<T> buffer, int first, int end)
    {
        for (var i = first; i < end; i++)
        {
            var values = new T[ParameterArray[i].Count];
            if (buffer.InitialValue != 0) Array.Fill(values, T.CreateSaturating(buffer.InitialValue));
            buffer.Arrays[i] = values;
            _progress[i].Buffers |= buffer.Mask;
        }
    }

    // Apart, so that what calls them on every step can be inlined.
    private void ThrowMoved() => throw new InvalidOperationException($"{Owner} has moved the parameters in this step already; weight decay is a part of it, so this is done once.");

    private void ThrowStepping() => throw new InvalidOperationException($"{Owner} is in a step already: its Update cannot take another.");

    private void ThrowForeign(StateBuffer<T> buffer) =>
        throw new ArgumentException($"{Owner} expects a buffer that this group has registered, but \"{buffer}\" is another group's.", nameof(buffer));

    // How far a parameter has come: the steps that have moved it, and one bit for each buffer that it has.
    private struct Progress
    {
        public long Steps;
        public uint Buffers;
    }

    // A method of its own: the object that holds bySize for the lambda would else be made each time the scratch is looked at.
    private T[][] NewScratch()
    {
        var bySize = ParameterArray.Select(parameter => parameter.Count).Distinct().ToDictionary(count => count, count => new T[count]);
        return Array.ConvertAll(ParameterArray, parameter => bySize[parameter.Count]);
    }
}
