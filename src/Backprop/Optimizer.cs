using System.Collections.ObjectModel;
using System.Numerics;

namespace Backprop;

/// <summary>Moves parameters along their gradients to make the loss smaller. This part knows no element type; it is what schedulers see.</summary>
public abstract class Optimizer
{
    /// <summary>The groups of parameters, each with hyperparameters of its own. There is at least one.</summary>
    public abstract IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>The learning rate of the first group. Setting it sets every group's.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public double LearningRate
    {
        get => Groups[0].LearningRate;
        set
        {
            for (var i = 0; i < Groups.Count; i++) Groups[i].LearningRate = value;
        }
    }

    /// <summary>Sets all gradients to zero.</summary>
    public abstract void ZeroGradients();

    /// <summary>Moves every parameter once, but for frozen ones.</summary>
    public abstract void Step();

    /// <summary>The optimizer's name, as in <c>SGD</c>.</summary>
    public override string ToString() => GetType().Name.Split('`')[0];

    /// <summary>Takes down the hyperparameters before the first scheduler moves some of them.</summary>
    internal virtual void TakeDownUnscheduled() { }
}

/// <summary>Moves parameters along their gradients to make the loss smaller.</summary>
/// <remarks>
/// <para>A training step is: forward, loss, <see cref="ZeroGradients"/>, backward, <see cref="Step"/>. From the second step on, none of it allocates.</para>
/// <para>An optimizer is a list of groups, and each group moves its own parameters; so <c>new Optimizer&lt;double&gt;(a, b)</c> may even mix an
/// <see cref="SGDGroup{T}"/> with an <see cref="AdamGroup{T}"/>.</para>
/// </remarks>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public class Optimizer<T> : Optimizer where T : unmanaged, IFloatingPointIeee754<T>
{
    private ParameterGroup<T>[] _groups = [];
    private Parameter<T>[] _parameters = [];
    private ReadOnlyCollection<ParameterGroup<T>> _groupsToRead = ReadOnlyCollection<ParameterGroup<T>>.Empty;
    private ReadOnlyCollection<Parameter<T>> _parametersToRead = ReadOnlyCollection<Parameter<T>>.Empty;

    /// <summary>Takes the groups of parameters to move.</summary>
    /// <param name="groups">The groups, at least one.</param>
    /// <exception cref="ArgumentNullException">The groups are null, or one of them is.</exception>
    /// <exception cref="ArgumentException">There are no groups, or a parameter is there twice, or a group's hyperparameters do not go together.</exception>
    public Optimizer(params ParameterGroup<T>[] groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        if (groups.Length == 0) throw new ArgumentException($"{this} expects at least one group of parameters, but there is none.", nameof(groups));
        foreach (var group in groups) AddGroup(group);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterGroup<T>> Groups => _groupsToRead;

    /// <summary>The parameters that are moved: those of all groups, one group after the other.</summary>
    public IReadOnlyList<Parameter<T>> Parameters => _parametersToRead;

    /// <summary>Adds a group of parameters, say those of layers that now join the training. Its step counts and buffers start afresh.</summary>
    /// <param name="group">The group.</param>
    /// <exception cref="ArgumentNullException"><paramref name="group"/> is null.</exception>
    /// <exception cref="ArgumentException">One of its parameters is here already, or its hyperparameters do not go together.</exception>
    public void AddGroup(ParameterGroup<T> group)
    {
        ArgumentNullException.ThrowIfNull(group);
        group.RunCheck();
        Parameter<T>[] parameters = [.. _parameters, .. group.Parameters];
        ParameterGroup<T>.RequireDistinct(parameters, ToString(), nameof(group));
        (_groups, _parameters) = ([.. _groups, group], parameters);
        (_groupsToRead, _parametersToRead) = (Array.AsReadOnly(_groups), Array.AsReadOnly(_parameters));
    }

    /// <summary>The model's parameters that should learn and do not, with their paths: no group has them and they are not frozen. So it is with those of a
    /// layer that was added after the optimizer was made.</summary>
    /// <param name="model">The model.</param>
    /// <returns>The parameters, each once; none where all is well.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> is null.</exception>
    public IReadOnlyList<NamedParameter<T>> Missing(Layer<T> model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var seen = _parameters.ToHashSet();
        return [.. model.NamedParameters().Where(named => !named.Parameter.Frozen && seen.Add(named.Parameter))];
    }

    /// <summary>The parameters that are moved here, but are none of the model's.</summary>
    /// <param name="model">The model.</param>
    /// <returns>The parameters; none where all is well.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> is null.</exception>
    public IReadOnlyList<Parameter<T>> Foreign(Layer<T> model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var known = model.NamedParameters().Select(named => named.Parameter).ToHashSet();
        return [.. _parameters.Where(parameter => !known.Contains(parameter))];
    }

    /// <inheritdoc/>
    public override void ZeroGradients()
    {
        foreach (var parameter in _parameters) parameter.ZeroGradient();
    }

    /// <inheritdoc/>
    public override void Step()
    {
        foreach (var group in _groups) group.Step();
    }

    /// <summary>The hyperparameters before the first scheduler moved some of them; null while there is no scheduler.</summary>
    internal IReadOnlyDictionary<string, double>? Unscheduled { get; private set; }

    internal override void TakeDownUnscheduled() => Unscheduled ??= GetState().Hyperparameters();

    /// <summary>A copy of everything the optimizer must keep to go on later as if it had never stopped.</summary>
    public OptimizerState<T> GetState() => StateExchange<T>.Read(Exchange);

    /// <summary>Goes on from a state that <see cref="GetState"/> gave, here or in an optimizer made alike over parameters of the same sizes.</summary>
    /// <remarks>Learning rates, weight decays, momenta and Adam's β are taken from the state; all other hyperparameters must be the same here as there.
    /// Which parameters are frozen is not a part of the state.</remarks>
    /// <param name="state">The state.</param>
    /// <exception cref="ArgumentNullException"><paramref name="state"/> is null.</exception>
    /// <exception cref="ArgumentException">The state is another kind of optimizer's, or of other groups or parameters, or has values that are none; the message
    /// names all that does not fit. The optimizer is left as it was.</exception>
    public void SetState(OptimizerState<T> state) => StateExchange<T>.Restore(ToString(), state, Exchange, nameof(state));

    private void Exchange(StateExchange<T> state)
    {
        var parameter = 0;
        for (var i = 0; i < _groups.Length; i++)
        {
            _groups[i].Exchange(state, i, parameter);
            parameter += _groups[i].Parameters.Count;
        }
    }
}
