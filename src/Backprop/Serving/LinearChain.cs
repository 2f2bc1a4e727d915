using System.Numerics;
using Backprop.Checks;
using Backprop.Kernels;

namespace Backprop;

/// <summary>Linear layers one after the other, with activations between: some rows go through all of them while they are at hand.</summary>
internal sealed unsafe class LinearChain<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    // So much of the rows stays in the second-level cache beside a panel of weights.
    private const int BlockBytes = 256 * 1024;
    private const int FewestRows = 12, MostRows = 96;

    private readonly List<Link> _links = [];
    private int _stride, _blockRows;
    private long _multiplyAdds;

    internal int Inputs => _links[0].Inputs;

    internal int Outputs => _links[^1].Outputs;

    internal bool EndsLinear => _links[^1].Activations.Count == 0;

    internal void Add(Linear<T> linear) => _links.Add(new(linear));

    internal void Add(VectorizedActivation<T> activation) => _links[^1].Activations.Add(activation);

    /// <summary>y = (x W^T + b - mean) r w' + b' is linear, too: with W r w' and (b - mean) r w' + b'.</summary>
    internal void Fold(BatchNorm1d<T> norm) => _links[^1].Fold(norm);

    internal void Pack()
    {
        foreach (var link in _links)
        {
            link.Pack();
            _stride = Math.Max(_stride, Stride(Math.Max(link.Inputs, link.Weight.PaddedOutputs)));
            _multiplyAdds += (long)link.Inputs * link.Outputs;
        }

        _blockRows = (int)Math.Clamp(BlockBytes / ((long)_stride * sizeof(T)), FewestRows, MostRows) / Tile.Columns * Tile.Columns;
    }

    internal void Run(ReadOnlySpan<T> x, bool xByRows, int rows, Span<T> y, bool yByRows)
    {
        Lengths.MustBeMatrix(x.Length, rows, Inputs);
        Lengths.MustBeMatrix(y.Length, rows, Outputs);
        fixed (T* xs = x, ys = y)
        {
            var job = new Rows(this, xByRows ? new(xs, Inputs, 1) : new(xs, 1, rows), rows, yByRows ? new(ys, Outputs, 1) : new(ys, 1, rows));
            var threads = Workers.For(rows * _multiplyAdds);
            if (threads == 1) job.Run(0, 1);
            else if (rows >= 2 * Tile.Columns * threads) Workers.Run(ref job, threads);
            else RunRows(job.X, rows, job.Y, threads);
        }
    }

    /// <summary>Copies a matrix that lies column after column to rows one after the other, or back.</summary>
    internal static void Transposed(ReadOnlySpan<T> from, int rows, int columns, Span<T> to, bool toRows)
    {
        Lengths.MustBeMatrix(from.Length, rows, columns);
        Lengths.MustAgree(from.Length, to.Length);
        fixed (T* source = from, target = to)
            Transpose.Copy(toRows ? new(source, 1, rows) : new(source, columns, 1), toRows ? new(target, columns, 1) : new Strided<T>(target, 1, rows), rows, columns);
    }

    // Rows as far apart as a multiple of a page would all lie in the same few sets of the first-level cache.
    private static int Stride(int columns)
    {
        var line = 64 / sizeof(T);
        var stride = (columns + line - 1) / line * line;
        return (long)stride * sizeof(T) % 1024 == 0 ? stride + line : stride;
    }

    private void RunRows(Strided<T> x, int rows, Strided<T> y, int threads)
    {
        // A formula is a user's, and may call whatever it likes: the room is this call's alone until it ends.
        var room = Room.Take(checked(2 * _stride * Math.Min(_blockRows, rows)));
        try
        {
            fixed (T* start = room) RunRows(x, rows, y, threads, start);
        }
        finally
        {
            Room.Give(room);
        }
    }

    private void RunRows(Strided<T> x, int rows, Strided<T> y, int threads, T* room)
    {
        unchecked
        {
            for (var i = 0; i < rows; i += _blockRows)
            {
                var block = Math.Min(_blockRows, rows - i);
                T* to = room, other = room + (nint)_stride * block;
                var from = x.From(i, 0);
                if (block > 1 && (from.Column != 1 || from.Row * sizeof(T) % 1024 == 0))
                {
                    var copy = new Strided<T>(other, Stride(Inputs), 1);
                    Transpose.Copy(from, copy, block, Inputs);
                    from = copy;
                }

                foreach (var link in _links)
                {
                    // The last result is written where it is wanted, if whole panels have room there.
                    var isPlace = ReferenceEquals(link, _links[^1]) && y.Row == link.Weight.PaddedOutputs && y.Column == 1;
                    if (isPlace) to = y.At(i, 0);
                    var stride = isPlace || block == 1 ? link.Weight.PaddedOutputs : Stride(link.Weight.PaddedOutputs);
                    if (threads == 1)
                    {
                        link.Weight.Multiply(from, to, stride, block, 0, link.Weight.Panels);
                    }
                    else
                    {
                        var panels = new PanelsOfLink(link.Weight, from, to, stride, block);
                        Workers.Run(ref panels, Math.Min(Workers.For((long)block * link.Inputs * link.Outputs), link.Weight.Panels));
                    }

                    foreach (var activation in link.Activations) activation.ApplyTo(new(to, stride * block));
                    from = new(to, stride, 1);
                    to = other;
                    other = from.Start;
                }

                if (from.Start != y.At(i, 0)) Transpose.Copy(from, y.From(i, 0), block, Outputs);
            }
        }
    }

    /// <summary>Room that a thread keeps for its next call; whoever comes while it is taken gets another.</summary>
    private static class Room
    {
        [ThreadStatic] private static T[]? _kept;

        internal static T[] Take(int count)
        {
            var room = _kept;
            _kept = null;
            return room is not null && room.Length >= count ? room : GC.AllocateArray<T>(count, pinned: true);
        }

        internal static void Give(T[] room)
        {
            if (_kept is null || _kept.Length < room.Length) _kept = room;
        }
    }

    /// <summary>A linear layer and what follows it.</summary>
    private sealed class Link(Linear<T> linear)
    {
        private T[] _weight = [.. linear.Weight.Values], _bias = [.. linear.Bias is null ? [] : linear.Bias.Values];
        private PackedWeight<T>? _packed;

        internal int Inputs { get; } = linear.InFeatures;

        internal int Outputs { get; } = linear.OutFeatures;

        internal List<VectorizedActivation<T>> Activations { get; } = [];

        internal PackedWeight<T> Weight => _packed!;

        internal void Fold(BatchNorm1d<T> norm)
        {
            if (_bias.Length == 0) _bias = new T[Outputs];
            for (var j = 0; j < Outputs; j++)
            {
                // r w' and (b - mean) r w' + b', in double
                var factor = double.CreateChecked(norm.Weight is null ? T.One : norm.Weight.Values[j]) / Math.Sqrt(double.CreateChecked(norm.RunningVar!.Values[j]) + double.CreateChecked(T.CreateTruncating(norm.Epsilon)));
                for (var p = 0; p < Inputs; p++) _weight[j + p * Outputs] = T.CreateTruncating(double.CreateChecked(_weight[j + p * Outputs]) * factor);
                _bias[j] = T.CreateTruncating((double.CreateChecked(_bias[j]) - double.CreateChecked(norm.RunningMean!.Values[j])) * factor + (norm.Bias is null ? 0 : double.CreateChecked(norm.Bias.Values[j])));
            }
        }

        internal void Pack()
        {
            _packed = new(_weight, _bias, Outputs, Inputs);
            (_weight, _bias) = ([], []);
        }
    }

    /// <summary>Some of the rows.</summary>
    private readonly struct Rows(LinearChain<T> chain, Strided<T> x, int rows, Strided<T> y) : IParts
    {
        internal Strided<T> X => x;

        internal Strided<T> Y => y;

        public void Run(int part, int parts)
        {
            int start = Share(part, parts), end = Share(part + 1, parts);
            if (end > start) chain.RunRows(x.From(start, 0), end - start, y.From(start, 0), threads: 1);
        }

        private int Share(int part, int parts) => part == parts ? rows : (int)((long)rows * part / parts / Tile.Columns * Tile.Columns);
    }

    /// <summary>Some of a linear layer's outputs, for all rows.</summary>
    private readonly struct PanelsOfLink(PackedWeight<T> weight, Strided<T> x, T* y, nint rowOfY, int rows) : IParts
    {
        public void Run(int part, int parts)
        {
            int start = (int)((long)weight.Panels * part / parts), end = (int)((long)weight.Panels * (part + 1) / parts);
            if (end > start) weight.Multiply(x, y, rowOfY, rows, start, end - start);
        }
    }
}
