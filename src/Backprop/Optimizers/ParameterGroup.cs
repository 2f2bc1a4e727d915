using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Kernels;
using Backprop.Simd;

namespace Backprop;

/// <summary>The hyperparameters that every group of parameters has: what a learning rate scheduler sees of it.</summary>
public abstract class ParameterGroup
{
    private protected ParameterGroup() { }

    /// <summary>The learning rate lr, at least 0; may be changed between steps.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double LearningRate { get; set => field = AtLeastZero(value); }

    /// <summary>The weight decay λ, at least 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double WeightDecay { get; set => field = AtLeastZero(value); }

    /// <summary>Climb instead of descend.</summary>
    public bool Maximize { get; init; }

    /// <summary>How many steps this group has made.</summary>
    public long StepCount { get; private protected set; }

    /// <summary>What <see cref="OneCycleLR"/> moves against the learning rate: a momentum, or Adam's β₁; null where there is none.</summary>
    protected internal virtual double? CycledMomentum
    {
        get => null;
        set => throw new NotSupportedException($"{Owner} has no momentum.");
    }

    /// <summary>The learning rate before any scheduler changed it; null while there is no scheduler.</summary>
    internal double? InitialLearningRate { get; set => field = value is double rate ? AtLeastZero(rate) : null; }

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

    // LearningRate is set from an optimizer's argument learningRate.
    private static string Argument(string property) => char.ToLowerInvariant(property[0]) + property[1..];
}

/// <summary>Parameters that an optimizer moves in the same way: with the same hyperparameters, and with buffers of their own.</summary>
/// <remarks>
/// To write an optimizer, subclass this: add the hyperparameters, write <see cref="Update"/>, and tell <see cref="Exchange"/> what to keep in files.
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class ParameterGroup<T> : ParameterGroup where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Parameter<T>[] _parameters;

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
        _parameters = [.. parameters];
        if (_parameters.Length == 0) throw new ArgumentException($"{Owner} expects at least one parameter, but there is none.", nameof(parameters));
        if (Array.IndexOf(_parameters, null) is var missing and >= 0) throw new ArgumentNullException(nameof(parameters), $"{Owner} expects parameters, but number {missing} is null.");
        RequireDistinct(_parameters, Owner, nameof(parameters));
        LearningRate = learningRate;
    }

    /// <summary>The parameters that are moved.</summary>
    public IReadOnlyList<Parameter<T>> Parameters => _parameters;

    /// <summary>Whether the hyperparameters go together; called when the group joins an optimizer.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    protected internal virtual void Check() { }

    /// <summary>Moves every parameter once. <see cref="ParameterGroup.StepCount"/> counts this step already.</summary>
    protected abstract void Update();

    /// <summary>
    /// Names everything that must be kept to go on later, in a fixed order. Called to read the state as well as to check and restore it:
    /// <c>Momentum = state.Value("momentum", Momentum);</c>
    /// </summary>
    /// <param name="state">Takes each value, and gives back the one to go on with.</param>
    protected internal virtual void Exchange(StateExchange<T> state)
    {
        StepCount = state.Count("step", StepCount);
        LearningRate = state.Value("lr", LearningRate);
        InitialLearningRate = state.Value("initial_lr", InitialLearningRate);
        WeightDecay = state.Value("weight_decay", WeightDecay);
        state.Same("maximize", Maximize);
    }

    internal void Step()
    {
        StepCount++;
        Update();
    }

    internal static void RequireDistinct(IEnumerable<Parameter<T>> parameters, string owner, string name)
    {
        var seen = new HashSet<Parameter<T>>();
        foreach (var parameter in parameters)
            if (!seen.Add(parameter)) throw new ArgumentException($"{owner} expects each parameter once, but {parameter} is there twice.", name);
    }

    /// <summary>Makes a buffer: for each parameter, as many values as it has.</summary>
    /// <param name="value">What the buffer is filled with.</param>
    protected T[][] NewBuffer(double value = 0)
    {
        var buffer = Array.ConvertAll(_parameters, parameter => new T[parameter.Count]);
        if (value != 0) Array.ForEach(buffer, values => Array.Fill(values, T.CreateSaturating(value)));
        return buffer;
    }

    /// <summary>Applies a rule to every value of every parameter; the gradient it gets has the weight decay in it.</summary>
    private protected void Move<TRule>(TRule rule, T[][]? a = null, T[][]? b = null, T[][]? c = null) where TRule : struct, IUpdateRule<T> =>
        Move(rule, WeightDecay, a, b, c);

    private protected void Move<TRule>(TRule rule, double weightDecay, T[][]? a = null, T[][]? b = null, T[][]? c = null) where TRule : struct, IUpdateRule<T>
    {
        var update = new Update<T, TRule>(rule, Maximize, weightDecay, _parameters, a, b, c);
        Dispatch.Run<T, Update<T, TRule>>(ref update);
    }
}
