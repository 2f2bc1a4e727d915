using System.Numerics;
using System.Numerics.Tensors;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>A pass of <see cref="RNN{T}"/>, <see cref="GRU{T}"/> or <see cref="LSTM{T}"/>: takes the state that sequences begin with and gives the one they end with, and the gradients of both.</summary>
/// <remarks>
/// <para>Within a network, it is the step of that layer: <c>(RecurrentPass&lt;double&gt;)pass["lstm"]</c>.</para>
/// <para><b>Truncated backpropagation through time</b>, where a long series comes in batches of T steps each: after the first batch, say <c>pass.InitialState = pass.FinalState</c>, once. Each batch
/// then begins where the one before has ended, and no gradient goes back there. Null lets sequences begin with zeros again.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class RecurrentPass<T> : ForwardPass<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Recurrent<T> _layer;
    private readonly RecurrentState<T> _final, _initialGradient;
    private readonly T[][] _outputs, _dropped, _masks, _dInputs;
    private readonly bool[] _drops;
    private T[] _input = [], _dOutput = [], _there = [];
    private int[] _lengths = [], _order = [];
    private int _countOfLengths;
    private bool _hasFinal, _hasInitialGradient;

    internal RecurrentPass(Recurrent<T> layer, bool training) : base(layer, training)
    {
        _layer = layer;
        var tracks = layer.NumLayers * layer.Directions;
        Tracks = [.. Enumerable.Range(0, tracks).Select(_ => new RecurrentTrack<T>())];
        _final = new(new Matrix<T>[tracks], layer.HasCell ? new Matrix<T>[tracks] : []);
        _initialGradient = new(new Matrix<T>[tracks], layer.HasCell ? new Matrix<T>[tracks] : []);
        (_outputs, _dropped, _masks, _dInputs, _drops) = (Empty(), Empty(), Empty(), Empty(), new bool[layer.NumLayers]);

        T[][] Empty() => [.. Enumerable.Range(0, layer.NumLayers).Select(_ => Array.Empty<T>())];
    }

    /// <summary>The state that the sequences of the next batch begin with; null for zeros. Read when the pass runs forward. A state of another batch size is refused then.</summary>
    public RecurrentState<T>? InitialState { get; set; }

    /// <summary>The state that the sequences ended with, each at its last real step (the reverse direction at step 0). The next forward pass overwrites it.</summary>
    /// <exception cref="InvalidOperationException">There was no forward pass yet.</exception>
    public RecurrentState<T> FinalState => _hasFinal ? _final : throw new InvalidOperationException($"{_layer} has not run forward with this pass yet: call Forward(x, pass) first.");

    /// <summary>dL/d<see cref="FinalState"/>, where the loss looks at it too; null for zeros. Read by the backward pass.</summary>
    public RecurrentState<T>? FinalStateGradient { get; set; }

    /// <summary>dL/d<see cref="InitialState"/> as the backward pass gave it; null before one. The next backward pass overwrites it.</summary>
    public RecurrentState<T>? InitialStateGradient => _hasInitialGradient ? _initialGradient : null;

    /// <summary>What the outputs of a layer were multiplied with before the next one got them, (N T) x H, or x 2 H where it is bidirectional: 0 where one was dropped, 1/(1 - p) elsewhere. Null where nothing was dropped.</summary>
    /// <param name="layer">The layer, from 0; nothing is dropped after the last.</param>
    /// <returns>A copy.</returns>
    /// <exception cref="InvalidOperationException">There was no forward pass yet.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer.</exception>
    public Matrix<T>? DropoutMask(int layer)
    {
        _ = FinalState;
        if (layer < 0 || layer >= _layer.NumLayers) throw new ArgumentOutOfRangeException(nameof(layer), System.FormattableString.Invariant($"{_layer} has the layers 0 to {_layer.NumLayers - 1}, but {layer} was asked for."));
        return _drops[layer] ? Matrix<T>.Build.Dense(Rows, _layer.Directions * _layer.HiddenSize, (r, k) => _masks[layer][(r % _layer.Steps * Sequences + r / _layer.Steps) * _layer.StrideOfOutput + k]) : null;
    }

    internal RecurrentTrack<T>[] Tracks { get; }

    /// <summary>N, the sequences of the batch.</summary>
    internal int Sequences { get; private set; }

    /// <summary>N T, in which row t N + n is step t of the sequence n.</summary>
    internal int Rows { get; private set; }

    /// <summary>1 where there is a step and 0 beyond a sequence's end, for each row; empty where all sequences have all steps.</summary>
    internal ReadOnlySpan<T> There => _countOfLengths == 0 ? [] : _there.AsSpan(0, Rows);

    /// <summary>Looks at lengths and state, before anything is changed; then takes the input.</summary>
    internal void Begin(Matrix<T> x)
    {
        var sequences = Backprop.Sequences.Count(_layer, x.RowCount, _layer.Steps);
        var lengths = Backprop.Sequences.Lengths(_layer, this, sequences, _layer.Steps);
        InitialState?.Require(_layer, nameof(InitialState), Tracks.Length, sequences, _layer.HiddenSize, _layer.HasCell);
        (Sequences, Rows, _countOfLengths, _hasInitialGradient) = (sequences, x.RowCount, lengths.Length, false);
        lengths.CopyTo(Room(ref _lengths, lengths.Length));
        if (_countOfLengths > 0) MarkSteps(lengths);
        var stride = RowByRow.Stride<T>(x.ColumnCount);
        var input = RecurrentTrack<T>.Room(ref _input, Rows * stride);
        RowByRow.From(x.Span(), input, Sequences, _layer.Steps, x.ColumnCount, stride);
        // What lies beyond may be anything, NaN too, and must not reach a weight's gradient.
        if (_countOfLengths > 0) RowByRow.ClearBeyond(input, lengths, _layer.Steps, stride);
    }

    /// <summary>A layer's input: x, or what the layer below gave, with dropout.</summary>
    internal Span<T> InputOf(int layer) => (layer == 0 ? _input : _drops[layer - 1] ? _dropped[layer - 1] : _outputs[layer - 1]).AsSpan(0, Rows * _layer.StrideOfInput(layer));

    /// <summary>Room for a layer's output.</summary>
    internal Span<T> OutputOf(int layer) => RecurrentTrack<T>.Room(ref _outputs[layer], Rows * _layer.StrideOfOutput);

    /// <summary>Room for the gradient of a layer's input.</summary>
    internal Span<T> InputGradientOf(int layer) => RecurrentTrack<T>.Room(ref _dInputs[layer], Rows * _layer.StrideOfInput(layer));

    /// <summary>The gradient of a layer's output: dL/dY, or what the layer above gave.</summary>
    internal Span<T> OutputGradientOf(int layer) => (layer == _layer.NumLayers - 1 ? _dOutput : _dInputs[layer + 1]).AsSpan(0, Rows * _layer.StrideOfOutput);

    /// <summary>Takes dL/dY, and looks at the final state's gradient before.</summary>
    internal void BeginBackward(Matrix<T> dY)
    {
        FinalStateGradient?.Require(_layer, nameof(FinalStateGradient), Tracks.Length, Sequences, _layer.HiddenSize, _layer.HasCell);
        var stride = _layer.StrideOfOutput;
        var dOutput = RecurrentTrack<T>.Room(ref _dOutput, Rows * stride);
        RowByRow.From(dY.Span(), dOutput, Sequences, _layer.Steps, dY.ColumnCount, stride);
        if (_countOfLengths > 0) RowByRow.ClearBeyond(dOutput, _lengths.AsSpan(0, _countOfLengths), _layer.Steps, stride);
        for (var i = 0; i < Tracks.Length; i++) Tracks[i].Put(_initialGradient, i, Sequences, _layer.HiddenSize, _layer.HasCell, isGradient: true);
    }

    internal void EndForward() => _hasFinal = true;

    internal void EndBackward() => _hasInitialGradient = true;

    /// <summary>Where the final state goes to.</summary>
    internal RecurrentState<T> FinalOf => _final;

    /// <summary>Where the initial state's gradient goes to.</summary>
    internal RecurrentState<T> InitialGradientOf => _initialGradient;

    /// <summary>Makes room for the state that a track ends with.</summary>
    internal void MakeRoomForFinalState(int track) => Tracks[track].Put(_final, track, Sequences, _layer.HiddenSize, _layer.HasCell, isGradient: false);

    /// <summary>A layer's output with dropout becomes the next one's input: mask = bernoulli(1 - p) / (1 - p).</summary>
    internal void Drop(int layer, double p, Generator generator)
    {
        var mask = RecurrentTrack<T>.Room(ref _masks[layer], Rows * _layer.StrideOfOutput);
        mask.Clear();
        if (p < 1) Draw(mask, 1 - p, generator);
        if (p < 1) TensorPrimitives.Divide(mask, T.CreateSaturating(1 - p), mask);
        TensorPrimitives.Multiply<T>(OutputOf(layer), mask, RecurrentTrack<T>.Room(ref _dropped[layer], mask.Length));
        _drops[layer] = true;
    }

    /// <summary>dL/d of a layer's output from that of the dropped one, in place.</summary>
    internal void DropGradient(int layer)
    {
        if (_drops[layer]) TensorPrimitives.Multiply<T>(OutputGradientOf(layer), _masks[layer].AsSpan(0, Rows * _layer.StrideOfOutput), OutputGradientOf(layer));
    }

    // Step after step, and sample after sample. Of sequences that have lengths, PyTorch draws for those that have the step, the longest first.
    private void Draw(Span<T> mask, double p, Generator generator)
    {
        var order = Room(ref _order, Sequences);
        var at = 0;
        for (var length = _layer.Steps; length > 0; length--)
            for (var n = 0; n < Sequences; n++)
                if (LengthOf(n) == length) order[at++] = n;
        for (var t = 0; t < _layer.Steps; t++)
        {
            foreach (var n in order)
            {
                if (LengthOf(n) <= t) break;
                generator.Bernoulli(mask.Slice((t * Sequences + n) * _layer.StrideOfOutput, _layer.Directions * _layer.HiddenSize), p);
            }
        }
    }

    private int LengthOf(int n) => _countOfLengths == 0 ? _layer.Steps : _lengths[n];

    private void MarkSteps(ReadOnlySpan<int> lengths)
    {
        var there = RecurrentTrack<T>.Room(ref _there, Rows);
        there.Fill(T.One);
        RowByRow.ClearBeyond(there, lengths, _layer.Steps, 1);
    }

    private static Span<int> Room(ref int[] array, int count)
    {
        if (array.Length < count) array = new int[count];
        return array.AsSpan(0, count);
    }
}
