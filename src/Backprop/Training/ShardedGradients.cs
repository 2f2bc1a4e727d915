using System.Numerics;
using System.Numerics.Tensors;

namespace Backprop;

/// <summary>A batch in shards for a training loop of your own: what <see cref="Trainer{T}.Shards"/> and <see cref="Trainer{T}.Exchange"/> are for a trainer.</summary>
/// <remarks>
/// The loop says what a shard does; this runs it for each shard that is this rank's, and adds what all ranks' shards gave as one tree. So gradients, buffers and loss have the same bits on
/// one process and on any number of ranks. Each rank makes the same one, and gives it the same batches.
/// </remarks>
/// <example>
/// <code>
/// var sharded = new ShardedGradients&lt;double&gt;(model, optimizer, shards: 8, ranks);
/// for (var i = 0; i &lt; batches.Count; i++)
/// {
///     var total = sharded.Compute(batches.Gather(i), shard =>
///     {
///         var yHat = model.Forward(shard.X, pass);
///         double samples = shard.X.RowCount;
///         model.AccumulateGradients(pass, loss.Backward(yHat, shard.Y) * samples);     // of the sum, not of the mean
///         return new(loss.Forward(yHat, shard.Y) * samples, samples);
///     });
///     optimizer.Step();
/// }
/// </code>
/// </example>
/// <threadsafety>One thread at a time.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ShardedGradients<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Layer<T> _model;
    private readonly Optimizer<T> _optimizer;
    private readonly Sharding<T> _sharding;
    private readonly KeptBuffers<T> _buffers;
    private bool _isCompared;

    /// <summary>Divides batches into shards, and shards among ranks.</summary>
    /// <param name="model">The model.</param>
    /// <param name="optimizer">The optimizer of its parameters.</param>
    /// <param name="shards">How many shards, at least 1.</param>
    /// <param name="exchange">Who runs which of them; null for this process alone.</param>
    /// <exception cref="ArgumentNullException">The model or the optimizer is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="shards"/> is below 1.</exception>
    /// <exception cref="InvalidOperationException">The ranks cannot have a whole branch of the shards each.</exception>
    public ShardedGradients(Layer<T> model, Optimizer<T> optimizer, int shards, ShardExchange? exchange = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(optimizer);
        Shards = Expect.Positive("ShardedGradients", shards, nameof(shards));
        Exchange = exchange ?? ShardExchange.Alone;
        Exchange.RequireBranches("ShardedGradients", shards);
        (_model, _optimizer, _buffers) = (model, optimizer, new(model));
        _sharding = new(model, optimizer, terms: 1, shards, Exchange);
    }

    /// <summary>How many shards a batch is taken as.</summary>
    public int Shards { get; }

    /// <summary>Who runs which of them.</summary>
    public ShardExchange Exchange { get; }

    /// <summary>Computes the gradients of a batch: the sum over all shards of all ranks, divided by what all of them count.</summary>
    /// <param name="batch">The whole batch, the same one on every rank; at least a sample for each shard.</param>
    /// <param name="shard">Runs the model on a part of the batch, adds the gradients of the <i>sum</i> of its losses to the parameters' (which are 0 then), and returns that sum and what its mean divides by.
    /// Where the latter is 0 throughout, nothing is divided.</param>
    /// <param name="inputRows">Rows of the inputs that a sample has.</param>
    /// <returns>The sum of the losses and what their mean divides by, of the whole batch.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The batch has not a whole sample for each shard.</exception>
    /// <exception cref="InvalidOperationException">The ranks have different models, optimizers, versions of the library or arithmetic, found before the first batch; or, found as they begin a step, other
    /// batches, weights, rates or draws. Thrown on every rank; gradients then mean nothing, and all else is as it was.</exception>
    public LossTerm Compute(Batch<T> batch, Func<Batch<T>, LossTerm> shard, int inputRows = 1)
    {
        ArgumentNullException.ThrowIfNull(batch.X, nameof(batch));
        ArgumentNullException.ThrowIfNull(batch.Y, nameof(batch));
        ArgumentNullException.ThrowIfNull(shard);
        Expect.Positive("ShardedGradients", inputRows, nameof(inputRows));
        if (!_isCompared && Exchange.Ranks > 1) Compare();
        _isCompared = true;
        _buffers.Keep();
        _sharding.Begin(batch, inputRows, accumulates: false);
        try
        {
            for (var i = _sharding.First; i < _sharding.First + _sharding.Mine; i++)
            {
                var term = shard(_sharding.Open(i));
                _sharding.NextTerms[0] = term;
                _sharding.Close(term.Divisor, batch.X.RowCount / Shards);
            }

            _sharding.End();
        }
        catch
        {
            _sharding.Abandon();
            _buffers.Restore();
            throw;
        }

        var parameters = _optimizer.Parameters;
        if (_sharding.Divisor != 0)
            for (var i = 0; i < parameters.Count; i++) TensorPrimitives.Divide(parameters[i].Gradients, T.CreateChecked(_sharding.Divisor), parameters[i].Gradients);
        return _sharding.Terms[0];
    }

    /// <summary>Compares all that ranks should have in common: parameters, buffers, what is frozen, the optimizer's state and generators; each step compares one parameter, in its turn.</summary>
    /// <param name="place">Where in the program that is, for messages: <c>saving the model</c>. Called on every rank.</param>
    /// <exception cref="ArgumentNullException"><paramref name="place"/> is null.</exception>
    /// <exception cref="InvalidOperationException">A rank has others, as where a loop has changed them on one rank alone. Thrown on every rank.</exception>
    public void RequireSame(string place)
    {
        ArgumentNullException.ThrowIfNull(place);
        if (Exchange.Ranks > 1) Exchange.RequireSame(RankFacts.Now(place, _model, _optimizer, _model.Generators));
    }

    private void Compare()
    {
        var facts = new Dictionary<string, string> { ["precision"] = typeof(T) == typeof(float) ? "float" : "double", ["shards"] = FormattableString.Invariant($"{Shards}"), ["model"] = $"{_model}", ["optimizer"] = $"{_optimizer}" };
        foreach (var (name, parameter) in _model.NamedParameters()) facts[$"model.{name} shape"] = $"({string.Join(", ", parameter.Shape)})";
        foreach (var (name, buffer) in _model.NamedBuffers()) facts[$"model.{name} shape"] = $"({string.Join(", ", buffer.Shape)})";
        facts[ShardExchange.Place] = "the start of the training";
        Exchange.RequireSame(RankFacts.Of("ShardedGradients", _model, _optimizer, _model.Generators, facts));
    }
}
