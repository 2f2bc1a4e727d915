using System.Numerics;
using System.Numerics.Tensors;
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
        if ((long)gates * hiddenSize > Array.MaxLength) throw new ArgumentOutOfRangeException(nameof(hiddenSize), hiddenSize, $"{owner} expects an array to have room for its {gates} gates.");
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

    /// <summary>From a row of a layer's output to the next.</summary>
    internal int StrideOfOutput => RowByRow.Stride<T>(Directions * HiddenSize);

    private int StrideOfGates => RowByRow.Stride<T>(_gates * HiddenSize);

    private int StrideOfUnits => RowByRow.Stride<T>(HiddenSize);

    /// <inheritdoc/>
    public sealed override int OutputColumns(int inputColumns) => Directions * HiddenSize;

    internal sealed override int RowsOfSequence => Steps;

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
            for (var direction = 0; direction < Directions; direction++) BeginForward(own, layer, direction);
            RunForward(own, layer);
            for (var direction = 0; direction < Directions; direction++) EndForward(own, layer, direction);
            if (layer == NumLayers - 1) break;
            if (pass.Training && Dropout > 0) own.Drop(layer, Dropout, _generator);
        }

        RowByRow.To(own.OutputOf(NumLayers - 1), y.Span(), own.Sequences, Steps, y.ColumnCount, StrideOfOutput);
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
            for (var direction = 0; direction < Directions; direction++) BeginBackward(own, layer, direction);
            RunBackward(own, layer);
            for (var direction = 0; direction < Directions; direction++) EndBackward(own, layer, direction);
            if (layer == 0) break;
            Differentiate(own, layer);
            own.DropGradient(layer - 1);
        }

        own.EndBackward();
        if (!pass.NeedsInputGradient) return null;
        Differentiate(own, 0);
        var dX = pass.NewInputGradient();
        RowByRow.To(own.InputGradientOf(0), dX.Span(), own.Sequences, Steps, InputSize, StrideOfInput(0));
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

    // A thread's samples are whole tiles of a product. A block of them goes through all steps before the next one begins, so that what it leaves from step to step stays in the caches.
    private const int SamplesOfShare = 2 * Tile.Columns, SamplesOfBlock = 6 * Tile.Columns;

    /// <summary>From a row of a layer's input to the next.</summary>
    internal int StrideOfInput(int layer) => layer == 0 ? RowByRow.Stride<T>(InputSize) : StrideOfOutput;

    private int ColumnsOfInput(int layer) => layer == 0 ? InputSize : Directions * HiddenSize;

    private bool IsReverse(int track) => Bidirectional && track % 2 == 1;

    // Of the states between steps, the first step's is at one end and what the last one gives at the other.
    private Span<T> StatesOf(T[] states, int step, int sequences) => states.AsSpan(step * sequences * StrideOfUnits, sequences * StrideOfUnits);

    private int FirstState(int direction) => direction == 0 ? 0 : Steps;

    private int LastState(int direction) => Steps - FirstState(direction);

    /// <summary>The weights, room for what the steps give, and the state that the first of them meets.</summary>
    private void BeginForward(RecurrentPass<T> pass, int layer, int direction)
    {
        var (index, rows, states) = (layer * Directions + direction, pass.Rows, (Steps + 1) * pass.Sequences * StrideOfUnits);
        var track = pass.Tracks[index];
        track.Pack(_weightsIH[index], _weightsHH[index], _biasesIH.Length == 0 ? null : _biasesIH[index], _biasesHH.Length == 0 ? null : _biasesHH[index]);
        var gates = RecurrentTrack<T>.Room(ref track.Gates, rows * StrideOfGates);
        // X W_ih^T + b_ih: of a few sequences for all steps at once, else step by step, the same bits either way
        if (pass.Sequences < SamplesOfShare) RowByRow.TimesTransposed(pass.InputOf(layer), StrideOfInput(layer), track.OfInput, gates, StrideOfGates, rows);
        RecurrentTrack<T>.Room(ref track.Kept, rows * StrideOfUnits);
        RecurrentTrack<T>.Room(ref track.OfH, pass.Sequences * StrideOfGates);
        RecurrentTrack<T>.Room(ref track.Hidden, states);
        if (HasCell) RecurrentTrack<T>.Room(ref track.Cell, states);
        pass.OutputOf(layer);
        pass.MakeRoomForFinalState(index);
        Take(pass.InitialState is { } hidden ? hidden.HiddenOf(index) : [], StatesOf(track.Hidden, FirstState(direction), pass.Sequences), pass.Sequences);
        if (HasCell) Take(pass.InitialState is { } cell ? cell.CellOf(index) : [], StatesOf(track.Cell, FirstState(direction), pass.Sequences), pass.Sequences);
    }

    private void EndForward(RecurrentPass<T> pass, int layer, int direction)
    {
        var (index, sequences) = (layer * Directions + direction, pass.Sequences);
        Give(StatesOf(pass.Tracks[index].Hidden, LastState(direction), sequences), pass.FinalOf.HiddenOf(index), sequences);
        if (HasCell) Give(StatesOf(pass.Tracks[index].Cell, LastState(direction), sequences), pass.FinalOf.CellOf(index), sequences);
    }

    private void BeginBackward(RecurrentPass<T> pass, int layer, int direction)
    {
        var (index, rows, state) = (layer * Directions + direction, pass.Rows, pass.Sequences * StrideOfUnits);
        var track = pass.Tracks[index];
        track.PackForHidden(_weightsHH[index]);
        RecurrentTrack<T>.Room(ref track.DGates, rows * StrideOfGates);
        if (SplitsGradient) RecurrentTrack<T>.Room(ref track.DOfH, rows * StrideOfGates);
        RecurrentTrack<T>.Room(ref track.DHByGates, state).Clear();
        Take(pass.FinalStateGradient is { } hidden ? hidden.HiddenOf(index) : [], RecurrentTrack<T>.Room(ref track.DHStraight, state), pass.Sequences);
        if (HasCell) Take(pass.FinalStateGradient is { } cell ? cell.CellOf(index) : [], RecurrentTrack<T>.Room(ref track.DC, state), pass.Sequences);
    }

    private void EndBackward(RecurrentPass<T> pass, int layer, int direction)
    {
        var (index, rows, width, sequences) = (layer * Directions + direction, pass.Rows, _gates * HiddenSize, pass.Sequences);
        var track = pass.Tracks[index];
        Span<T> straight = track.DHStraight.AsSpan(0, sequences * StrideOfUnits), byGates = track.DHByGates.AsSpan(0, straight.Length);
        for (var i = 0; i < straight.Length; i++) straight[i] += byGates[i];
        Give(straight, pass.InitialGradientOf.HiddenOf(index), sequences);
        if (HasCell) Give(track.DC.AsSpan(0, straight.Length), pass.InitialGradientOf.CellOf(index), sequences);

        Span<T> dA = track.DGates.AsSpan(0, rows * StrideOfGates), dQ = SplitsGradient ? track.DOfH.AsSpan(0, dA.Length) : dA, h = track.Hidden.AsSpan(direction * straight.Length, rows * StrideOfUnits);
        // dW_ih += dA^T X      dW_hh += dQ^T H, where H holds the h before each step      db_ih += sum of dA      db_hh += sum of dQ
        if (!_weightsIH[index].Frozen) RowByRow.AddTransposeTimes(dA, StrideOfGates, pass.InputOf(layer), StrideOfInput(layer), _weightsIH[index].Gradients, rows, width, ColumnsOfInput(layer));
        if (!_weightsHH[index].Frozen) RowByRow.AddTransposeTimes(dQ, StrideOfGates, h, StrideOfUnits, _weightsHH[index].Gradients, rows, width, HiddenSize);
        if (_biasesIH.Length == 0) return;
        var sums = RecurrentTrack<T>.Room(ref track.Sums, width);
        AddSums(dA, _biasesIH[index], sums, isKnown: false);
        AddSums(dQ, _biasesHH[index], sums, isKnown: !SplitsGradient && !_biasesIH[index].Frozen);

        void AddSums(ReadOnlySpan<T> gradients, VectorParameter<T> bias, Span<T> sums, bool isKnown)
        {
            if (bias.Frozen) return;
            if (!isKnown)
            {
                sums.Clear();
                RowByRow.AddColumnSums(gradients, StrideOfGates, sums, rows);
            }

            TensorPrimitives.Add(bias.Gradients, sums, bias.Gradients);
        }
    }

    private void Differentiate(RecurrentPass<T> pass, int layer)
    {
        var dX = pass.InputGradientOf(layer);
        // dX = dA W_ih, of both directions together
        for (var direction = 0; direction < Directions; direction++)
        {
            var index = layer * Directions + direction;
            var track = pass.Tracks[index];
            track.PackForInput(_weightsIH[index]);
            RowByRow.TimesTransposed(track.DGates.AsSpan(0, pass.Rows * StrideOfGates), StrideOfGates, track.ToInput, dX, StrideOfInput(layer), pass.Rows, accumulate: direction > 0);
        }
    }

    // A state's matrix, or zeros where there is none.
    private void Take(ReadOnlySpan<T> from, Span<T> to, int sequences)
    {
        if (from.IsEmpty) to.Clear();
        else RowByRow.From(from, to, sequences, 1, HiddenSize, StrideOfUnits);
    }

    private void Give(ReadOnlySpan<T> from, Span<T> to, int sequences) => RowByRow.To(from, to, sequences, 1, HiddenSize, StrideOfUnits);

    /// <summary>Whether the gates' gradients for h's part are others than for x's.</summary>
    private protected virtual bool SplitsGradient => false;

    /// <summary>Some samples' way through all steps in one direction, or back.</summary>
    private readonly struct StepsOf<TCell>(Recurrent<T> layer, TCell cell, RecurrentPass<T> pass, int level, bool back) : IParts where TCell : struct, ICell<T>
    {
        private readonly int _ofGates = layer.StrideOfGates, _ofUnits = layer.StrideOfUnits, _ofX = layer.StrideOfInput(level), _ofY = layer.StrideOfOutput;

        public void Run(int part, int parts)
        {
            var shares = parts / layer.Directions;
            var (direction, share) = (part / shares, part % shares);
            var units = (pass.Sequences + SamplesOfShare - 1L) / SamplesOfShare;
            int start = (int)Math.Min(pass.Sequences, units * share / shares * SamplesOfShare), end = (int)Math.Min(pass.Sequences, units * (share + 1) / shares * SamplesOfShare);
            for (; start < end; start += SamplesOfBlock)
            {
                var rows = Math.Min(SamplesOfBlock, end - start);
                if (back) Backward(direction, start, rows);
                else Forward(direction, start, rows);
            }
        }

        private void Forward(int direction, int start, int rows)
        {
            var (h, n, track) = (layer.HiddenSize, pass.Sequences, pass.Tracks[level * layer.Directions + direction]);
            Span<T> ofH = track.OfH.AsSpan(start * _ofGates, rows * _ofGates), x = pass.InputOf(level), y = pass.OutputOf(level);
            for (var s = 0; s < layer.Steps; s++)
            {
                var t = direction == 0 ? s : layer.Steps - 1 - s;
                var (first, before, after) = (t * n + start, (t + direction) * n + start, (t + 1 - direction) * n + start);
                Span<T> hBefore = Units(track.Hidden, before, rows), cBefore = TCell.HasMemory ? Units(track.Cell, before, rows) : [];
                var gates = track.Gates.AsSpan(first * _ofGates, ofH.Length);
                if (n >= SamplesOfShare) RowByRow.TimesTransposedHere(x.Slice(first * _ofX, rows * _ofX), _ofX, track.OfInput, gates, _ofGates, rows);
                // h's part of the gates: h_(t-1) W_hh^T + b_hh
                RowByRow.TimesTransposedHere(hBefore, _ofUnits, track.OfHidden, ofH, _ofGates, rows);
                Recurrence.Forward(
                    cell, gates, ofH, TCell.Keeps ? Units(track.Kept, first, rows) : [], hBefore, Units(track.Hidden, after, rows), cBefore, TCell.HasMemory ? Units(track.Cell, after, rows) : [],
                    Output(y, direction, first, rows), There(first, rows), rows, h, _ofGates, _ofUnits, _ofY);
            }
        }

        private void Backward(int direction, int start, int rows)
        {
            var (h, n, track) = (layer.HiddenSize, pass.Sequences, pass.Tracks[level * layer.Directions + direction]);
            Span<T> byGates = Units(track.DHByGates, start, rows), straight = Units(track.DHStraight, start, rows), dC = TCell.HasMemory ? Units(track.DC, start, rows) : [], dY = pass.OutputGradientOf(level);
            for (var s = layer.Steps - 1; s >= 0; s--)
            {
                var t = direction == 0 ? s : layer.Steps - 1 - s;
                var (first, before) = (t * n + start, (t + direction) * n + start);
                Span<T> dGates = track.DGates.AsSpan(first * _ofGates, rows * _ofGates), dOfH = TCell.Splits ? track.DOfH.AsSpan(first * _ofGates, rows * _ofGates) : [];
                Recurrence.Backward(
                    cell, track.Gates.AsSpan(first * _ofGates, dGates.Length), TCell.Keeps ? Units(track.Kept, first, rows) : [], Units(track.Hidden, before, rows), TCell.HasMemory ? Units(track.Cell, before, rows) : [],
                    Output(dY, direction, first, rows), There(first, rows), dGates, dOfH, byGates, straight, dC, rows, h, _ofGates, _ofUnits, _ofY);
                // what goes to h_(t-1) by the gates: dQ W_hh
                RowByRow.TimesTransposedHere(TCell.Splits ? dOfH : dGates, _ofGates, track.ToHidden, byGates, _ofUnits, rows);
            }
        }

        private Span<T> Units(T[] states, int row, int rows) => states.AsSpan(row * _ofUnits, rows * _ofUnits);

        private ReadOnlySpan<T> There(int row, int rows) => pass.There is { IsEmpty: false } there ? there.Slice(row, rows) : [];

        // A direction's units of some rows: the last row ends with them, or after them.
        private Span<T> Output(Span<T> y, int direction, int row, int rows) => y.Slice(row * _ofY + direction * layer.HiddenSize, (rows - 1) * _ofY + layer.HiddenSize);
    }
}
