namespace Backprop;

/// <content>A step whose batch is taken as shards.</content>
public sealed partial class Trainer<T>
{
    private Sharding<T>? _sharding;
    private int? _shard;                // the one that runs

    private T LearnInShards(Batch<T> batch, bool isFirst, bool isLast)
    {
        FollowFreezing();
        _sharding ??= new(Model, Optimizer, _loss, Shards);
        if (isFirst) _accumulated = 0;
        var before = _accumulated;
        _sharding.Begin(batch, Training.InputRows, accumulates: before > 0);
        try
        {
            for (var shard = 0; shard < Shards; shard++) LearnShard(shard);
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

        _sharding.End();
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

        _sharding.Close(loss, divisor, _real.Prediction, _real.Target);
    }
}
