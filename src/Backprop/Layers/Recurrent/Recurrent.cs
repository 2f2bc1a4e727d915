using System.Numerics;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>What <see cref="RNN{T}"/>, <see cref="GRU{T}"/> and <see cref="LSTM{T}"/> share: weights for each layer and direction, and the way through the steps and back.</summary>
/// <remarks>
/// <para>A sequence is T consecutive rows of x: x ((N T) x in), y ((N T) x H), or 2 H where it is bidirectional: the columns of the reverse direction stand after those of the forward one. This is PyTorch's
/// layout with <c>batch_first=True</c>, seen as rows.</para>
/// <para>Lengths (<see cref="ForwardPass{T}.SequenceLengths"/>) do what PyTorch's packed sequences do: beyond the length y is 0 and dX is 0, the reverse direction begins at the last real
/// step, and the final state is that of the last real step.</para>
/// <para>State goes in and out by the pass, a <see cref="RecurrentPass{T}"/>; without one, sequences begin with zeros.</para>
/// <para>Dropout acts in training, on the output of each layer but the last. The draws are those of PyTorch's own CPU code: step after step, in a step sample after sample
/// (with lengths, the longest first, and only for steps that are there).</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Recurrent<T> : Layer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly MatrixParameter<T>[] _weightsIH, _weightsHH;
    private readonly VectorParameter<T>[] _biasesIH, _biasesHH;
    private readonly int _gates;
    private readonly Generator _generator;

    private protected Recurrent(int gates, bool hasCell, int inputSize, int hiddenSize, int steps, int numLayers, bool bidirectional, double dropout, bool bias, Generator? generator)
    {
        var owner = Invariant($"{GetType().Name.Split('`')[0]}({inputSize} -> {hiddenSize}, {steps} steps)");
        (InputSize, HiddenSize) = (Expect.Positive(owner, inputSize, nameof(inputSize)), Expect.Positive(owner, hiddenSize, nameof(hiddenSize)));
        (Steps, NumLayers) = (Expect.Positive(owner, steps, nameof(steps)), Expect.Positive(owner, numLayers, nameof(numLayers)));
        (Bidirectional, Dropout, HasCell, _gates) = (bidirectional, Expect.Fraction(owner, dropout), hasCell, gates);
        _generator = generator ?? Generator.Default;
        if (dropout > 0 && numLayers > 1) Register(_generator);

        var tracks = NumLayers * Directions;
        (_weightsIH, _weightsHH) = (new MatrixParameter<T>[tracks], new MatrixParameter<T>[tracks]);
        (_biasesIH, _biasesHH) = bias ? (new VectorParameter<T>[tracks], new VectorParameter<T>[tracks]) : ([], []);
        for (var track = 0; track < tracks; track++)
        {
            var (layer, suffix) = (track / Directions, Invariant($"_l{track / Directions}{(IsReverse(track) ? "_reverse" : "")}"));
            _weightsIH[track] = Register(new MatrixParameter<T>($"weight_ih{suffix}", gates * hiddenSize, ColumnsOfInput(layer)));
            _weightsHH[track] = Register(new MatrixParameter<T>($"weight_hh{suffix}", gates * hiddenSize, hiddenSize));
            if (!bias) continue;
            _biasesIH[track] = Register(new VectorParameter<T>($"bias_ih{suffix}", gates * hiddenSize));
            _biasesHH[track] = Register(new VectorParameter<T>($"bias_hh{suffix}", gates * hiddenSize));
        }

        var bound = 1 / Math.Sqrt(hiddenSize);
        foreach (var (_, parameter) in NamedParameters()) Init.Uniform(parameter, -bound, bound, _generator);
    }

    /// <summary>Columns of the input.</summary>
    public int InputSize { get; }

    /// <summary>H, the units of each layer and direction.</summary>
    public int HiddenSize { get; }

    /// <summary>T, the rows of a sequence.</summary>
    public int Steps { get; }

    /// <summary>How many layers stand on each other.</summary>
    public int NumLayers { get; }

    /// <summary>Whether each layer runs through the steps in reverse as well.</summary>
    public bool Bidirectional { get; }

    /// <summary>The probability with which an output of a layer below the last is dropped in training.</summary>
    public double Dropout { get; }

    /// <summary>W_ih, (gates H) x columns of the layer's input, for each layer and direction: layer after layer, forward before reverse.</summary>
    public IReadOnlyList<MatrixParameter<T>> WeightsIH => _weightsIH;

    /// <summary>W_hh, (gates H) x H, likewise.</summary>
    public IReadOnlyList<MatrixParameter<T>> WeightsHH => _weightsHH;

    /// <summary>b_ih, gates H, likewise; empty without a bias.</summary>
    public IReadOnlyList<VectorParameter<T>> BiasesIH => _biasesIH;

    /// <summary>b_hh, gates H, likewise; empty without a bias.</summary>
    public IReadOnlyList<VectorParameter<T>> BiasesHH => _biasesHH;

    /// <inheritdoc/>
    public sealed override int? InputColumns => InputSize;

    internal bool HasCell { get; }

    internal int Directions => Bidirectional ? 2 : 1;

    /// <inheritdoc/>
    public sealed override int OutputColumns(int inputColumns) => Directions * HiddenSize;

    /// <inheritdoc/>
    public sealed override int OutputRows(int inputRows) => Sequences.Count(this, inputRows, Steps) * Steps;

    /// <summary>Makes a <see cref="RecurrentPass{T}"/>.</summary>
    /// <inheritdoc/>
    public sealed override ForwardPass<T> NewPass(bool training = true) => new RecurrentPass<T>(this, training);

    /// <inheritdoc/>
    public override string ToString() => Signature.Call(GetType().Name.Split('`')[0], Invariant($"{InputSize} -> {HiddenSize}"), Invariant($"{Steps} step{(Steps == 1 ? "" : "s")}"),
        NumLayers == 1 ? "" : Invariant($"{NumLayers} layers"), Bidirectional ? "bidirectional" : "", Dropout == 0 ? "" : $"dropout {Signature.Number(Dropout)}", _biasesIH.Length == 0 ? "no bias" : "");

    /// <inheritdoc/>
    protected sealed override Matrix<T> ForwardCore(Matrix<T> x, ForwardPass<T> pass)
    {
        var own = (RecurrentPass<T>)pass;
        own.Begin(x);
        var y = pass.NewOutput(x.RowCount, Directions * HiddenSize);
        for (var layer = 0; layer < NumLayers; layer++)
        {
            for (var direction = 0; direction < Directions; direction++) BeginForward(own, layer, layer * Directions + direction);
            RunForward(own, layer);
            if (layer == NumLayers - 1) break;
            if (pass.Training && Dropout > 0) own.Drop(layer, Dropout, _generator);
            else own.DropNothing(layer);
        }

        TimeMajor.To(own.OutputOf(NumLayers - 1), y.Span(), own.Sequences, Steps, own.Rows, y.ColumnCount);
        own.EndForward();
        return y;
    }

    /// <inheritdoc/>
    protected sealed override Matrix<T>? BackwardCore(ForwardPass<T> pass, Matrix<T> dY)
    {
        var own = (RecurrentPass<T>)pass;
        own.BeginBackward(dY);
        for (var layer = NumLayers - 1; layer >= 0; layer--)
        {
            for (var direction = 0; direction < Directions; direction++) MakeRoomForGradients(own, layer * Directions + direction);
            RunBackward(own, layer);
            for (var direction = 0; direction < Directions; direction++) AddGradients(own, layer, layer * Directions + direction);
            if (layer == 0) break;
            Differentiate(own, layer);
            own.DropGradient(layer - 1, own.InputGradientOf(layer, ColumnsOfInput(layer)));
        }

        own.EndBackward();
        if (!pass.NeedsInputGradient) return null;
        Differentiate(own, 0);
        var dX = pass.NewInputGradient();
        TimeMajor.To(own.InputGradientOf(0, InputSize), dX.Span(), own.Sequences, Steps, own.Rows, InputSize);
        return dX;
    }

    /// <summary>Runs a layer through its steps.</summary>
    private protected abstract void RunForward(RecurrentPass<T> pass, int layer);

    /// <summary>Runs a layer through its steps, back from the last one.</summary>
    private protected abstract void RunBackward(RecurrentPass<T> pass, int layer);

    private protected void Run<TCell>(TCell cell, RecurrentPass<T> pass, int layer, bool back) where TCell : struct, ICell<T>
    {
        var steps = new StepsOf<TCell>(this, cell, pass, layer, back);
        // Neither directions nor samples know of each other: each thread goes through all steps with some of them.
        var threads = Workers.For((long)pass.Rows * Directions * HiddenSize * HiddenSize * _gates);
        var shares = Math.Clamp((threads + Directions - 1) / Directions, 1, Math.Max(1, pass.Sequences / SamplesOfShare));
        Workers.Run(ref steps, Directions * shares);
    }

    // As many as a product takes at once.
    private static int SamplesOfShare => 2 * Products.Lanes<T>();

    private int ColumnsOfInput(int layer) => layer == 0 ? InputSize : Directions * HiddenSize;

    private bool IsReverse(int track) => Bidirectional && track % 2 == 1;

    private ReadOnlySpan<T> BiasOfH(int track) => _biasesHH.Length == 0 ? [] : _biasesHH[track].Values;

    /// <summary>x's part of all gates of all steps, which waits for nothing.</summary>
    private void BeginForward(RecurrentPass<T> pass, int layer, int index)
    {
        var (track, rows, width, units) = (pass.Tracks[index], pass.Rows, _gates * HiddenSize, HiddenSize);
        // X W_ih^T + b_ih
        Products.TimesTransposed(
            pass.InputOf(layer, ColumnsOfInput(layer)), _weightsIH[index].Values, _biasesIH.Length == 0 ? [] : _biasesIH[index].Values, RecurrentTrack<T>.Room(ref track.Gates, rows * width),
            rows, ColumnsOfInput(layer), width);
        RecurrentTrack<T>.Room(ref track.Kept, rows * units);
        TimeMajor.ClearEnd(RecurrentTrack<T>.Room(ref track.HBefore, rows * units), pass.Sequences * Steps, rows, units);
        RecurrentTrack<T>.Room(ref track.H, pass.Sequences * units);
        RecurrentTrack<T>.Room(ref track.OfH, pass.Sequences * width);
        if (HasCell)
        {
            RecurrentTrack<T>.Room(ref track.CBefore, rows * units);
            RecurrentTrack<T>.Room(ref track.C, pass.Sequences * units);
        }

        TimeMajor.ClearEnd(pass.OutputOf(layer), pass.Sequences * Steps, rows, Directions * units);
        pass.MakeRoomForFinalState(index);
        Transpose(track, index);
    }

    // A matrix is turned as one sequence of columns is.
    private void Transpose(RecurrentTrack<T> track, int index)
    {
        var weight = _weightsHH[index];
        TimeMajor.From(weight.Values, RecurrentTrack<T>.Room(ref track.Transposed, weight.Count), HiddenSize, _gates * HiddenSize, weight.Count, 1);
    }

    private void MakeRoomForGradients(RecurrentPass<T> pass, int index)
    {
        var (track, rows, width, units) = (pass.Tracks[index], pass.Rows, _gates * HiddenSize, HiddenSize);
        TimeMajor.ClearEnd(RecurrentTrack<T>.Room(ref track.DGates, rows * width), pass.Sequences * Steps, rows, width);
        if (SplitsGradient) TimeMajor.ClearEnd(RecurrentTrack<T>.Room(ref track.DOfH, rows * width), pass.Sequences * Steps, rows, width);
        RecurrentTrack<T>.Room(ref track.DStep, pass.Sequences * width);
        RecurrentTrack<T>.Room(ref track.DHByGates, pass.Sequences * units);
        RecurrentTrack<T>.Room(ref track.DHStraight, pass.Sequences * units);
        if (HasCell) RecurrentTrack<T>.Room(ref track.DC, pass.Sequences * units);
        Transpose(track, index);
    }

    private void AddGradients(RecurrentPass<T> pass, int layer, int index)
    {
        var (track, rows, width) = (pass.Tracks[index], pass.Rows, _gates * HiddenSize);
        Span<T> dA = track.DGates.AsSpan(0, rows * width), dQ = SplitsGradient ? track.DOfH.AsSpan(0, rows * width) : dA;
        // dW_ih += dA^T X      dW_hh += dQ^T H, where H holds the h before each step      db_ih += sum of dA      db_hh += sum of dQ
        if (!_weightsIH[index].Frozen) Products.AddTransposeTimes(dA, pass.InputOf(layer, ColumnsOfInput(layer)), _weightsIH[index].Gradients, rows, width, ColumnsOfInput(layer));
        if (!_weightsHH[index].Frozen) Products.AddTransposeTimes(dQ, track.HBefore.AsSpan(0, rows * HiddenSize), _weightsHH[index].Gradients, rows, width, HiddenSize);
        if (_biasesIH.Length == 0) return;
        if (!_biasesIH[index].Frozen) Reductions.AddColumnSums(dA, rows, _biasesIH[index].Gradients);
        if (!_biasesHH[index].Frozen) Reductions.AddColumnSums(dQ, rows, _biasesHH[index].Gradients);
    }

    private void Differentiate(RecurrentPass<T> pass, int layer)
    {
        var (rows, width, columns) = (pass.Rows, _gates * HiddenSize, ColumnsOfInput(layer));
        var dX = pass.InputGradientOf(layer, columns);
        // dX = dA W_ih, of both directions together
        for (var direction = 0; direction < Directions; direction++)
        {
            var index = layer * Directions + direction;
            Products.Times(pass.Tracks[index].DGates.AsSpan(0, rows * width), _weightsIH[index].Values, dX, rows, width, columns, accumulate: direction > 0);
        }
    }

    /// <summary>Whether the gates' gradients for h's part are others than for x's.</summary>
    private protected virtual bool SplitsGradient => false;

    /// <summary>Some samples' way through all steps in one direction, or back.</summary>
    private readonly struct StepsOf<TCell>(Recurrent<T> layer, TCell cell, RecurrentPass<T> pass, int level, bool back) : IParts where TCell : struct, ICell<T>
    {
        public void Run(int part, int parts)
        {
            var shares = parts / layer.Directions;
            var (direction, share) = (part / shares, part % shares);
            var units = (pass.Sequences + SamplesOfShare - 1L) / SamplesOfShare;
            int start = (int)Math.Min(pass.Sequences, units * share / shares * SamplesOfShare), end = (int)Math.Min(pass.Sequences, units * (share + 1) / shares * SamplesOfShare);
            if (start == end) return;
            if (back) Backward(direction, start, end - start);
            else Forward(direction, start, end - start);
        }

        private void Forward(int direction, int start, int rows)
        {
            var (index, h, width, n) = (level * layer.Directions + direction, layer.HiddenSize, layer._gates * layer.HiddenSize, pass.Sequences);
            var (track, all, few) = (pass.Tracks[index], pass.Rows, rows < SamplesOfShare);
            Span<T> gates = track.Gates.AsSpan(0, all * width), kept = TCell.Keeps ? track.Kept.AsSpan(0, all * h) : [], hBefore = track.HBefore.AsSpan(0, all * h);
            Span<T> cBefore = TCell.HasMemory ? track.CBefore.AsSpan(0, all * h) : [], y = pass.OutputOf(level).Slice(direction * all * h, all * h);
            Span<T> hs = track.H.AsSpan(start * h, rows * h), ofH = track.OfH.AsSpan(start * width, rows * width), cs = TCell.HasMemory ? track.C.AsSpan(start * h, rows * h) : [];
            Take(pass.InitialState is { } initial ? initial.HiddenOf(index) : [], hs, start, rows);
            if (TCell.HasMemory) Take(pass.InitialState is { } state ? state.CellOf(index) : [], cs, start, rows);

            for (var s = 0; s < layer.Steps; s++)
            {
                var t = direction == 0 ? s : layer.Steps - 1 - s;
                // h's part of the gates: h_(t-1) W_hh^T, the same bits either way
                if (few) Products.TimesTransposed(hs, layer._weightsHH[index].Values, [], ofH, rows, h, width);
                else Products.Times(hs, track.Transposed.AsSpan(0, h * width), ofH, rows, h, width);
                Recurrence.Forward(cell, gates, kept, hBefore, cBefore, y, pass.There, ofH, layer.BiasOfH(index), hs, cs, all, t * n + start, rows, h);
            }

            var final = pass.FinalOf;
            Give(hs, final.HiddenOf(index), start, rows);
            if (TCell.HasMemory) Give(cs, final.CellOf(index), start, rows);
        }

        private void Backward(int direction, int start, int rows)
        {
            var (index, h, width, n) = (level * layer.Directions + direction, layer.HiddenSize, layer._gates * layer.HiddenSize, pass.Sequences);
            var (track, all, few) = (pass.Tracks[index], pass.Rows, rows < SamplesOfShare);
            ReadOnlySpan<T> gates = track.Gates.AsSpan(0, all * width), kept = TCell.Keeps ? track.Kept.AsSpan(0, all * h) : [], hBefore = track.HBefore.AsSpan(0, all * h);
            ReadOnlySpan<T> cBefore = TCell.HasMemory ? track.CBefore.AsSpan(0, all * h) : [], dY = pass.OutputGradientOf(level).Slice(direction * all * h, all * h);
            Span<T> dGates = track.DGates.AsSpan(0, all * width), dOfH = TCell.Splits ? track.DOfH.AsSpan(0, all * width) : [], dStep = track.DStep.AsSpan(start * width, rows * width);
            Span<T> byGates = track.DHByGates.AsSpan(start * h, rows * h), straight = track.DHStraight.AsSpan(start * h, rows * h), dC = TCell.HasMemory ? track.DC.AsSpan(start * h, rows * h) : [];
            byGates.Clear();
            Take(pass.FinalStateGradient is { } final ? final.HiddenOf(index) : [], straight, start, rows);
            if (TCell.HasMemory) Take(pass.FinalStateGradient is { } state ? state.CellOf(index) : [], dC, start, rows);

            for (var s = layer.Steps - 1; s >= 0; s--)
            {
                var t = direction == 0 ? s : layer.Steps - 1 - s;
                Recurrence.Backward(cell, gates, kept, hBefore, cBefore, dY, pass.There, dGates, dOfH, dStep, byGates, straight, dC, all, t * n + start, rows, h);
                // what goes to h_(t-1) by the gates: dQ W_hh, the same bits either way
                if (few) Products.TimesTransposed(dStep, track.Transposed.AsSpan(0, h * width), [], byGates, rows, width, h);
                else Products.Times(dStep, layer._weightsHH[index].Values, byGates, rows, width, h);
            }

            for (var i = 0; i < straight.Length; i++) straight[i] += byGates[i];
            var initial = pass.InitialGradientOf;
            Give(straight, initial.HiddenOf(index), start, rows);
            if (TCell.HasMemory) Give(dC, initial.CellOf(index), start, rows);
        }

        // Some rows of a state's matrix, or zeros where there is none.
        private void Take(ReadOnlySpan<T> from, Span<T> to, int start, int rows)
        {
            if (from.IsEmpty) to.Clear();
            else for (var j = 0; j < layer.HiddenSize; j++) from.Slice(j * pass.Sequences + start, rows).CopyTo(to[(j * rows)..]);
        }

        private void Give(ReadOnlySpan<T> from, Span<T> to, int start, int rows)
        {
            for (var j = 0; j < layer.HiddenSize; j++) from.Slice(j * rows, rows).CopyTo(to[(j * pass.Sequences + start)..]);
        }
    }
}
