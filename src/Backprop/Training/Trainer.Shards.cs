namespace Backprop;

/// <content>A step whose batch is taken as shards.</content>
public sealed partial class Trainer<T>
{
    private Sharding<T>? _sharding;
    private int? _shard;                // the one that runs
    private bool _isCompared;           // whether the ranks were found to be the same

    private T LearnInShards(Batch<T> batch, bool isFirst, bool isLast)
    {
        FollowFreezing();
        if (!_isCompared) CompareRanks("the start of the training");
        _sharding ??= new(Model, Optimizer, _terms.Length, Shards, Exchange);
        if (isFirst) _accumulated = 0;
        var (before, refusal) = (_accumulated, default(NotFiniteNumberException));
        _sharding.Begin(batch, Training.InputRows, accumulates: before > 0);
        try
        {
            try
            {
                for (var shard = _sharding.First; shard < _sharding.First + _sharding.Mine; shard++) LearnShard(shard);
            }
            catch (NotFiniteNumberException exception) when (Exchange.Ranks > 1)
            {
                refusal = exception;    // the other ranks must hear of it, so that none takes this step
            }

            _shard = null;
            if (!_sharding.End(refusal is not null)) throw refusal ?? ShardExchange.Echo(new NotFiniteNumberException($"The loss or a gradient is NaN or infinite in {Place}, in a shard of another rank, which says where it began."));
            if (Exchange.Ranks > 1 && _accumulated > before) RequireSteadyRanks();
        }
        catch
        {
            _sharding.Abandon();
            throw;
        }
        finally
        {
            _shard = null;
        }

        _accumulated = before + _sharding.Divisor;
        if (isLast && _accumulated > 0) TakeStep(isAlone: false);
        _isAccumulating = !isLast;
        return _sharding.Divisor > 0 ? T.CreateTruncating(LossTerm.Total(_sharding.Terms, Loss.Reduction)) : T.Zero;
    }

    private void LearnShard(int shard)
    {
        _shard = shard;
        Run(_sharding!.Open(shard));
        var (loss, divisor) = (T.Zero, _weighted.Divisor(_real.Prediction, _real.Target, _real.Weights));
        if (divisor != 0)
        {
            loss = AccumulateGradients(divisor, isAlone: false);
            RequireFiniteGradients();   // here, where the pass knows where it began
        }

        _loss.Take(loss, divisor, _real.Prediction, _real.Target, _sharding.NextTerms);
        _sharding.Close(divisor, divisor != 0 ? _real.Prediction.RowCount : 0);
    }

    /// <summary>What <see cref="RequireSteadyTerms"/> is for one rank's shards, for those of all: what its terms divide by for a row here is what they divide by for a row of the whole batch.</summary>
    private void RequireSteadyRanks()
    {
        if (_terms.Length == 1 || Loss.Reduction != Reduction.Mean || _sharding!.Rows == 0) return;
        for (var i = 0; i < _terms.Length; i++)
            if (!IsSteady(_terms[i].Divisor, _sharding.Terms[i].Divisor / _sharding.Rows)) throw NotSteady();
    }

    /// <summary>Refuses ranks that would not compute the same.</summary>
    private void CompareRanks(string place)
    {
        if (Exchange.Ranks > 1)
        {
            var facts = RankFacts.Of("Trainer", Model, Optimizer, Generators(), AllSettings());
            (facts[ShardExchange.Place], facts["position"]) = (place, Position);
            Exchange.RequireSame(facts);
        }

        Exchange.RequireBranches("Trainer", Shards);    // by then all have the same number, and all refuse it or none
        _isCompared = true;
    }

    private string Position => $"epoch {Text(Epoch + 1)}, batch {Text(Batch + 1)}";

    /// <summary>Refuses ranks of which one was changed alone, as by a callback that asks which rank it is, before that is saved or called a result.</summary>
    private void RequireSameRanks(string place)
    {
        if (Exchange.Ranks == 1) return;
        if (!_isCompared)
        {
            CompareRanks(place);
            return;
        }

        var facts = RankFacts.Now(place, Model, Optimizer, Generators());
        facts["position"] = Position;
        if (LastResult is { } result)
        {
            facts["training loss"] = Text(result.TrainingLoss);
            facts["validation loss"] = result.ValidationLoss is double loss ? Text(loss) : "none";
            foreach (var (name, value) in result.Metrics) facts[$"metric {name}"] = Text(value);
        }

        Exchange.RequireSame(facts);
    }
}
