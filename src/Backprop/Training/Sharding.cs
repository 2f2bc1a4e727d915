using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Backprop.Checks;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>
/// A batch as V shards: consecutive samples, each of which runs through the model as if it were alone. What they give is added as a balanced tree, so that it does not
/// matter who ran which of them: this process all, or each rank of an exchange its own.
/// </summary>
/// <remarks>
/// Each shard starts from the buffers that the step found. Afterwards buffers of floating-point values are the mean of what the shards made of them; a counter has counted
/// one step. Each generator draws one seed for a step, and shard v draws from one that begins with (seed, v); what it draws is not what the next shard draws, nor another step's.
/// </remarks>
internal sealed class Sharding<T>(Layer<T> model, Optimizer<T> optimizer, int terms, int count, ShardExchange exchange) where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int BesideTerms = 2;      // the divisor, and the rows that the loss has seen
    private const int BesideSums = 3;       // over ranks: refusals, digests, and the squares of those

    private readonly double[] _sums = new double[BesideTerms + 2 * terms];
    private readonly TreeSum<double> _sumTree = new(count / exchange.Ranks);
    private ShardSums<T>? _exchanged;       // what is added over ranks; null where there is one
    private IReadOnlyList<Parameter<T>>? _parameters;
    private Parameter<T>[] _compared = [];  // in their turn, over ranks
    private int _structure;
    private readonly KeptBuffers<T> _buffers = new(model);
    private TreeSum<T>[] _gradients = [], _statistics = [];
    private T[][] _gradientsBefore = [];
    private Generator[] _generators = [];
    private (ulong Seed, MersenneTwister Engine, GeneratorState Own)[] _draws = [];
    private ReusedMatrix<T> _x, _y, _weights;
    private Batch<T> _batch;
    private int _samples;
    private bool _accumulates;
    private long _begun;
    private ushort _digest;

    /// <summary>What the whole batch's mean divides by.</summary>
    internal double Divisor => _sums[0];

    /// <summary>The whole batch's loss, in terms.</summary>
    internal ReadOnlySpan<LossTerm> Terms => MemoryMarshal.Cast<double, LossTerm>(_sums.AsSpan(BesideTerms));

    /// <summary>The rows of the whole batch that the loss has seen.</summary>
    internal double Rows => _sums[1];

    /// <summary>The first of the shards that run here.</summary>
    internal int First => exchange.Rank * Mine;

    /// <summary>How many run here.</summary>
    internal int Mine => count / exchange.Ranks;

    /// <summary>Begins a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="inputRows">Rows of the inputs that a sample has.</param>
    /// <param name="accumulates">Whether its gradients are added to those that are there.</param>
    internal void Begin(Batch<T> batch, int inputRows, bool accumulates)
    {
        var samples = batch.X.RowCount / inputRows;
        if (samples < count || samples * inputRows != batch.X.RowCount || batch.Y.RowCount % samples != 0)
            throw new ArgumentException($"Trainer expects a whole sample for each of {count} shards, but x is {Operand.Shape(batch.X)} and y is {Operand.Shape(batch.Y)}.", nameof(batch));
        if (!batch.Lengths.IsEmpty && batch.Lengths.Length != samples)
            throw new ArgumentException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Trainer expects a length for each of {samples} samples, but there are {batch.Lengths.Length}."), nameof(batch));
        Follow();
        (_batch, _samples, _accumulates) = (batch, samples, accumulates);
        if (accumulates)
            for (var i = 0; i < _gradientsBefore.Length; i++) _parameters![i].Gradients.CopyTo(_gradientsBefore[i] ??= new T[_parameters[i].Count]);
        for (var i = 0; i < _generators.Length; i++) _draws[i].Seed = _generators[i].DrawSeed();
        if (_exchanged is not null) _digest = Digest();
        for (var i = 0; i < _generators.Length; i++)
        {
            _draws[i].Own = _generators[i].Exchange(new(_generators[i].Seed, _draws[i].Engine, null));
        }
    }

    /// <summary>Begins a shard: buffers as the step found them, generators of its own, gradients of 0.</summary>
    /// <returns>Its samples.</returns>
    internal Batch<T> Open(int shard)
    {
        if (shard > First) _buffers.Restore();
        for (var i = 0; i < _generators.Length; i++)
        {
            var (seed, engine, _) = _draws[i];
            engine.Seed([unchecked((uint)seed), (uint)(seed >> 32), (uint)shard]);
            _generators[i].Exchange(new(_generators[i].Seed, engine, null));
        }

        optimizer.ZeroGradients();
        var (first, end) = ((int)((long)shard * _samples / count), (int)((shard + 1L) * _samples / count));
        return new(Part(ref _x, _batch.X), Part(ref _y, _batch.Y), _batch.Weights is null ? null : Part(ref _weights, _batch.Weights), _batch.Lengths.IsEmpty ? default : _batch.Lengths[first..end]);

        Matrix<T> Part(ref ReusedMatrix<T> reused, Matrix<T> whole)
        {
            var rows = whole.RowCount / _samples;
            return Samples<T>.Slice(whole, first * rows, reused.Get((end - first) * rows, whole.ColumnCount));
        }
    }

    /// <summary>Room for the terms of a shard's loss, for <see cref="Close"/>.</summary>
    internal Span<LossTerm> NextTerms => MemoryMarshal.Cast<double, LossTerm>(_sums.AsSpan(BesideTerms));

    /// <summary>Ends a shard: adds what it gave, with the loss in <see cref="NextTerms"/>.</summary>
    internal void Close(double divisor, int rows)
    {
        (_sums[0], _sums[1]) = (divisor, rows);
        _sumTree.Add(_sums);
        for (var i = 0; i < _gradients.Length; i++)
            if (!_parameters![i].Frozen) _gradients[i].Add(_parameters[i].Gradients);
        for (var i = 0; i < _statistics.Length; i++) _statistics[i].Add(_buffers.Buffers[i].Values);
    }

    /// <summary>Ends the batch: leaves the sums in the gradients, and the means in the buffers.</summary>
    /// <param name="refused">Whether a shard here was refused: then nothing is left, here or elsewhere.</param>
    /// <returns>Whether all shards of all ranks were run.</returns>
    internal bool End(bool refused = false)
    {
        if (_exchanged is not null && !Exchange(refused)) return false;
        RestoreGenerators();
        if (_accumulates)
            for (var i = 0; i < _gradientsBefore.Length; i++) TensorPrimitives.Add(_gradientsBefore[i], _parameters![i].Gradients, _parameters[i].Gradients);
        foreach (var buffer in _buffers.Buffers) TensorPrimitives.Divide(buffer.Values, T.CreateChecked(count), buffer.Values);     // exact, where it is a power of two
        return true;
    }

    /// <summary>Adds over ranks: gradients, buffers and totals in one piece.</summary>
    /// <returns>Whether no rank refused its shards.</returns>
    private bool Exchange(bool refused)
    {
        var rest = _exchanged!.Values;
        for (var i = 0; i < _gradients.Length; i++)
            if (!_parameters![i].Frozen) Put(_parameters[i].Gradients, ref rest);
        foreach (var buffer in _buffers.Buffers) Put(buffer.Values, ref rest);
        _sums.CopyTo(_exchanged.Totals);
        var beside = _exchanged.Totals[_sums.Length..];
        (beside[0], beside[1], beside[2]) = (refused ? 1 : 0, _digest, (double)_digest * _digest);
        exchange.Sum(_exchanged);
        if (beside[0] != 0) return false;
        // Numbers are the same where the mean of their squares is the square of their mean; all are whole, and exact.
        if ((UInt128)exchange.Ranks * UInt128.CreateSaturating(beside[2]) != UInt128.CreateSaturating(beside[1]) * UInt128.CreateSaturating(beside[1])) throw Drifted();
        rest = _exchanged.Values;
        for (var i = 0; i < _gradients.Length; i++)
            if (!_parameters![i].Frozen) Take(_parameters[i].Gradients, ref rest);
        foreach (var buffer in _buffers.Buffers) Take(buffer.Values, ref rest);
        _exchanged.Totals[.._sums.Length].CopyTo(_sums);
        return true;

        static void Put(ReadOnlySpan<T> values, ref Span<T> rest)
        {
            values.CopyTo(rest);
            rest = rest[values.Length..];
        }

        static void Take(Span<T> values, ref Span<T> rest)
        {
            rest[..values.Length].CopyTo(values);
            rest = rest[values.Length..];
        }
    }

    /// <summary>What every rank should find the same as it begins a step, in 16 bits: targets, learning rates, seeds, buffers and, each in its turn, one column of the inputs and one of the model's parameters.</summary>
    /// <remarks>So a rank whose weights or rates were changed alone is found within as many steps as there are parameters, for a fraction of what the optimizer's step reads.</remarks>
    private ushort Digest()
    {
        var hash = new RowHash();
        hash.Add<long>([_begun, _samples]);
        if (_batch.X.AsColumnMajorArray() is { Length: > 0 } x)
        {
            // Spread, so that batches whose number has a factor in common with the columns' are not always asked for the same ones.
            var column = (int)(unchecked((ulong)_begun * 0x9E3779B97F4A7C15 >> 32) % (uint)_batch.X.ColumnCount);
            hash.Add<T>(x.AsSpan(column * _batch.X.RowCount, _batch.X.RowCount));
        }

        hash.Add<T>(_batch.Y.AsColumnMajorArray());
        hash.Add<T>(_batch.Weights?.AsColumnMajorArray());
        hash.Add(_batch.Lengths.Span);
        var groups = optimizer.Groups;
        for (var i = 0; i < groups.Count; i++) hash.Add<double>([groups[i].LearningRate]);
        foreach (var (seed, _, _) in _draws) hash.Add<ulong>([seed]);
        foreach (var buffer in _buffers.Buffers)
        {
            hash.Add<T>(buffer.Values);
            if (buffer is CounterBuffer<T> counter) hash.Add<long>([counter.Value]);
        }

        if (_compared.Length > 0) hash.Add<T>(_compared[(int)(_begun % _compared.Length)].Values);
        _begun++;
        return (ushort)(hash.Value >> 48);
    }

    /// <summary>Names what differs; every rank comes here, or none.</summary>
    private InvalidOperationException Drifted()
    {
        Abandon();
        var facts = RankFacts.Now("a step", model, optimizer, _generators);
        facts["step"] = FormattableString.Invariant($"{_begun}");
        facts["batch"] = RankFacts.Of(_batch);
        exchange.RequireSame(facts);
        return new("Ranks expect to be the same before each step, but one of them was changed alone.");
    }

    /// <summary>Ends a batch that could not be: buffers are as the step found them.</summary>
    internal void Abandon()
    {
        RestoreGenerators();
        _buffers.Restore();
        _sumTree.Clear();
        foreach (var tree in _gradients) tree.Clear();
        foreach (var tree in _statistics) tree.Clear();
    }

    private void RestoreGenerators()
    {
        for (var i = 0; i < _generators.Length; i++) _generators[i].Exchange(_draws[i].Own);
    }

    private void Follow()
    {
        _buffers.Keep();
        var structure = Structure.Version;
        if (structure == _structure && ReferenceEquals(_parameters, optimizer.Parameters)) return;
        (_parameters, _structure) = (optimizer.Parameters, structure);
        _gradients = Trees(_parameters.Count);
        _gradientsBefore = new T[_parameters.Count][];
        _statistics = Trees(_buffers.Buffers.Length);
        _compared = [.. model.NamedParameters().Select(named => named.Parameter)];
        var values = _parameters.Where(parameter => !parameter.Frozen).Sum(parameter => parameter.Count) + _buffers.Buffers.ToArray().Sum(buffer => buffer.Values.Length);
        if (exchange.Ranks > 1 && _exchanged?.Values.Length != values) _exchanged = new(values, _sums.Length + BesideSums, exchange.Ranks);
        _generators = [.. model.Generators];
        _draws = [.. _generators.Select(_ => (0UL, new MersenneTwister(0), default(GeneratorState)))];
    }

    private TreeSum<T>[] Trees(int number) => [.. Enumerable.Range(0, number).Select(_ => new TreeSum<T>(Mine))];
}
