using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>A pass of <see cref="ScaledDotProductAttention{T}"/>: it saves the weights, which can be looked at.</summary>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class AttentionPass<T> : SequencePass<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ScaledDotProductAttention<T> _layer;
    private readonly int[] _soFar = new int[1];
    private T[] _weights = [], _mask = [], _drawn = [], _past = [];
    private int[] _lengths = [];
    private int _lengthsOf;

    internal AttentionPass(ScaledDotProductAttention<T> layer, bool training) : base(layer, training)
    {
        _layer = layer;
        if (layer.RotaryBase is double @base) Rotation = new(layer.MaxSteps, layer.HeadDim, @base);
    }

    /// <inheritdoc/>
    public override int MaxSteps => _layer.MaxSteps;

    /// <inheritdoc/>
    public override string? WhyNotContinued => _layer.Causal ? null : "is not causal: earlier steps would have to look at later ones";

    internal AttentionShape Shape { get; set; }

    internal RotationTable<T>? Rotation { get; }

    internal Span<T> AllWeights => _weights.AsSpan(0, Shape.Sequences * Shape.Heads * Shape.Queries * Shape.Keys);

    /// <summary>What the weights are multiplied with, in their order; empty where nothing is dropped.</summary>
    internal Span<T> Mask => Drops ? _mask.AsSpan(0, AllWeights.Length) : [];

    /// <summary>The lengths of the last forward pass, whatever the pass is given for the next one; empty where all are whole.</summary>
    internal ReadOnlySpan<int> KeptLengths => _lengths.AsSpan(0, _lengthsOf);

    /// <summary>Keeps the lengths for the way back.</summary>
    internal void KeepLengths(ReadOnlySpan<int> lengths)
    {
        if (_lengths.Length < lengths.Length) _lengths = new int[lengths.Length];
        lengths.CopyTo(_lengths);
        _lengthsOf = lengths.Length;
    }

    /// <summary>Whether the last forward pass dropped anything.</summary>
    internal bool Drops { get; set; }

    /// <summary>A = softmax(Q K^T / √d) of a sequence and head: a row for each query, a column for each key; 0 where it is hidden. As the softmax gave them, before any are dropped.</summary>
    /// <param name="sequence">The sequence, from 0.</param>
    /// <param name="head">The head, from 0.</param>
    /// <returns>A copy.</returns>
    /// <exception cref="InvalidOperationException">There was no forward pass yet.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence or head.</exception>
    public Matrix<T> Weights(int sequence, int head) => Of(sequence, head, isMask: false);

    /// <summary>What the weights of a sequence and head were multiplied with, in their shape: 0 where one was dropped, 1/(1 - p) elsewhere. Null where nothing was dropped.</summary>
    /// <param name="sequence">The sequence, from 0.</param>
    /// <param name="head">The head, from 0.</param>
    /// <returns>A copy.</returns>
    /// <exception cref="InvalidOperationException">There was no forward pass yet.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such sequence or head.</exception>
    public Matrix<T>? DropoutMask(int sequence, int head) => Of(sequence, head, isMask: true) is var mask && Drops ? mask : null;

    // A mask lies as the weights do: in blocks of rows.
    private Matrix<T> Of(int sequence, int head, bool isMask)
    {
        _ = Output;
        if (sequence < 0 || sequence >= Shape.Sequences) throw new ArgumentOutOfRangeException(nameof(sequence), Invariant($"{Layer} has weights of the sequences 0 to {Shape.Sequences - 1}, but {sequence} was asked for."));
        if (head < 0 || head >= Shape.Heads) throw new ArgumentOutOfRangeException(nameof(head), Invariant($"{Layer} has the heads 0 to {Shape.Heads - 1}, but {head} was asked for."));
        var (shape, result) = (Shape, Matrix<T>.Build.Dense(Shape.Queries, Shape.Past + Shape.Queries));
        var weights = (isMask && Drops ? Mask : AllWeights)[((sequence * shape.Heads + head) * shape.Queries * shape.Keys)..];
        for (var i = 0; i < shape.Queries; i++)
        {
            var (block, row) = (i / Kernels.Attention.Block * Kernels.Attention.Block, i % Kernels.Attention.Block);
            var count = Math.Min(Kernels.Attention.Block, shape.Queries - block);
            for (var j = 0; j < result.ColumnCount; j++) result[i, j] = weights[block * shape.Keys + j * count + row];
        }

        return result;
    }

    internal void Make(AttentionShape shape)
    {
        Shape = shape;
        var count = (long)shape.Sequences * shape.Heads * shape.Queries * shape.Keys;
        if (count > Array.MaxLength) throw new ArgumentException(Invariant($"{Layer} would have {count} weights, more than an array has room for."));
        if (_weights.Length < count) _weights = new T[count];
        if (Drops && _mask.Length < count) _mask = new T[count];
    }

    /// <summary>Room to draw the mask of a head, row after row.</summary>
    internal Span<T> Drawn(int count)
    {
        if (_drawn.Length < count) _drawn = new T[count];
        return _drawn.AsSpan(0, count);
    }

    /// <summary>The length of the one sequence, with so many new steps.</summary>
    internal ReadOnlySpan<int> SoFar(int steps)
    {
        _soFar[0] = Past + steps;
        return _soFar;
    }

    /// <summary>The keys of all steps so far.</summary>
    internal Span<T> Keys => _past.AsSpan(0, _past.Length / 2);

    /// <summary>The values of all steps so far.</summary>
    internal Span<T> Values => _past.AsSpan(_past.Length / 2);

    /// <summary>Puts the keys and values of new steps behind those before.</summary>
    internal void Remember(ReadOnlySpan<T> keys, ReadOnlySpan<T> values, int rows)
    {
        var (steps, columns) = (MaxSteps, _layer.EmbedDim);
        if (_past.Length == 0) _past = new T[2 * steps * columns];
        for (var j = 0; j < columns; j++)
        {
            keys.Slice(j * rows, rows).CopyTo(Keys[(j * steps + Past)..]);
            values.Slice(j * rows, rows).CopyTo(Values[(j * steps + Past)..]);
        }
    }
}
