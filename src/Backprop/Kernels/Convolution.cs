using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>A convolution, what it does to gradients, and the room that both need; for one pass.</summary>
/// <remarks>
/// <para>An image lies in memory as [C][H][W][N], the samples innermost. The image with its padding, x̃, is made once for each batch, so that no loop asks where the border is; and with a stride of s along
/// the width, its pixels 0, s, 2s, … of a row first, then 1, s + 1, …. So whatever a weight w[o, c, u, v] meets on its way along a row of the output lies side by side in memory, samples and pixels alike: a run of Q N numbers.</para>
/// <para>A row of the output is a product, then: runs of x̃, as a list says where (the taps), times weights. So is a row of dX̃, of runs of dY. An entry is one chain of multiply-adds in the order of the list. dW is made of dot products of
/// runs. All give the same bits whatever the threads, the vectors, and the place in memory.</para>
/// </remarks>
internal sealed unsafe class Convolution<T>(ConvolutionShape shape) where T : unmanaged, IFloatingPointIeee754<T>
{
    // So many numbers of a run are one unit of work.
    private const int RunBlock = 128;

    // A dot product is cut into pieces of so many entries, or of as many rows of the output as make up so many.
    private const int Piece = 512;

    // Vectors may be read to their end, behind the last entry as well.
    private const int Slack = 64;

    private readonly int[] _rowSources = ConvolutionShape.Sources(shape.Input.Height, shape.Padding.Top, shape.Padding.Bottom, shape.Mode);
    private readonly int[] _pixelSources = ConvolutionShape.Sources(shape.Input.Width, shape.Padding.Left, shape.Padding.Right, shape.Mode);

    private int _samples = -1, _samplesOfWayBack = -1;
    private Spread _x, _dY;
    private T[] _padded = [], _outputGradient = [], _inputGradient = [], _weights = [], _starts = [];
    private nint[] _taps = [], _backTaps = [];
    private readonly BackClass[] _classes = new BackClass[shape.Stride.Height * shape.Stride.Width];

    /// <summary>Pixels of a row of x̃ that lie s apart, at most.</summary>
    private int PhaseWidth => (shape.PaddedWidth + shape.Stride.Width - 1) / shape.Stride.Width;

    // Where each output sees one pixel, an image's pixels are so many samples of a linear layer.
    private bool IsProduct => shape.Kernel == 1 && shape.Input.Size == shape.Output.Size && shape.Padding == default && shape.Groups == 1;

    // Where it is so, dX can be written where it belongs, without x̃ in between.
    private bool IsPlain => shape.Stride.Width == 1 && shape.Mode == PaddingMode.Zeros;

    /// <summary>Y = W x̃ + b, and keeps x̃ for <see cref="AddWeightGradient"/>.</summary>
    public void Forward(ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> y, int samples)
    {
        unchecked
        {
            if (IsProduct)
            {
                Lengths.MustBeMatrix(x.Length, samples, shape.Input.Columns);
                Products.TimesTransposed(x, weight, bias, y, samples * shape.Input.Height * shape.Input.Width, shape.Input.Channels, shape.Output.Channels);
                return;
            }

            KeepInput(x, samples);
            Lengths.MustBeMatrix(weight.Length, shape.Output.Channels, shape.Taps);
            Lengths.MustAgreeOrBeEmpty(bias.Length, shape.Output.Channels);
            Lengths.MustBeMatrix(y.Length, samples, shape.Output.Columns);
            var (outputs, panels) = (shape.OutputsOfGroup, (shape.OutputsOfGroup + GatherTile.Columns - 1) / GatherTile.Columns);
            Grow(ref _weights, (long)shape.Groups * panels * shape.Taps * GatherTile.Columns);
            Grow(ref _starts, (long)shape.Groups * panels * GatherTile.Columns);
            for (var group = 0; group < shape.Groups; group++)
            {
                for (var panel = 0; panel < panels; panel++)
                {
                    var first = group * outputs + panel * GatherTile.Columns;
                    var width = Math.Min(GatherTile.Columns, outputs - panel * GatherTile.Columns);
                    var to = _weights.AsSpan((group * panels + panel) * shape.Taps * GatherTile.Columns);
                    for (var k = 0; k < shape.Taps; k++) weight.Slice(k * shape.Output.Channels + first, width).CopyTo(to[(k * GatherTile.Columns)..]);
                    var starts = _starts.AsSpan((group * panels + panel) * GatherTile.Columns, GatherTile.Columns);
                    starts.Clear();
                    if (!bias.IsEmpty) bias.Slice(first, width).CopyTo(starts);
                }
            }

            var run = shape.Output.Width * samples;
            fixed (T* padded = _padded, w = _weights, starts = _starts, ys = y)
            fixed (nint* taps = _taps)
            {
                var work = new ForwardWork
                {
                    X = padded,
                    W = w,
                    Starts = starts,
                    Y = ys,
                    Taps = taps,
                    TapCount = shape.Taps,
                    Outputs = outputs,
                    Panels = panels,
                    Groups = shape.Groups,
                    Height = shape.Output.Height,
                    Length = run,
                    GroupOfX = shape.InputsOfGroup * _x.Channel,
                    RowOfX = shape.Stride.Height * _x.Row,
                    ChannelOfY = (nint)shape.Output.Height * run,
                };
                Workers.Run(ref work, PartsFor(work.Units, samples));
            }
        }
    }

    /// <summary>x̃ of a batch, as <see cref="Forward"/> makes it.</summary>
    public void KeepInput(ReadOnlySpan<T> x, int samples)
    {
        unchecked
        {
            Lengths.MustBeMatrix(x.Length, samples, shape.Input.Columns);
            Prepare(samples);
            var (width, sw) = (shape.Input.Width, shape.Stride.Width);
            for (var c = 0; c < shape.Input.Channels; c++)
            {
                for (var h = 0; h < shape.PaddedHeight; h++)
                {
                    var row = _padded.AsSpan((int)(c * _x.Channel + h * _x.Row), sw * PhaseWidth * samples);
                    var from = _rowSources[h];
                    if (from < 0)
                    {
                        row.Clear();
                        continue;
                    }

                    var pixels = x.Slice((c * shape.Input.Height + from) * width * samples, width * samples);
                    for (var w = 0; w < shape.PaddedWidth; w++)
                    {
                        var to = row.Slice(PlaceOfPixel(w) * samples, samples);
                        if (_pixelSources[w] < 0) to.Clear();
                        else if (sw == 1 && w == shape.Padding.Left)
                        {
                            pixels.CopyTo(row[(w * samples)..]);
                            w += width - 1;
                        }
                        else if (samples == 1) to[0] = pixels[_pixelSources[w]];
                        else pixels.Slice(_pixelSources[w] * samples, samples).CopyTo(to);
                    }
                }
            }
        }
    }

    /// <summary>dX = what reaches x of dY through the weights, + b, which is for a transposed convolution.</summary>
    public void InputGradient(ReadOnlySpan<T> dY, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, Span<T> dX, int samples)
    {
        unchecked
        {
            if (IsProduct && bias.IsEmpty)
            {
                Lengths.MustBeMatrix(dX.Length, samples, shape.Input.Columns);
                Products.Times(dY, weight, dX, samples * shape.Input.Height * shape.Input.Width, shape.Output.Channels, shape.Input.Channels);
                return;
            }

            Prepare(samples);
            Lengths.MustBeMatrix(dY.Length, samples, shape.Output.Columns);
            Lengths.MustBeMatrix(weight.Length, shape.Output.Channels, shape.Taps);
            Lengths.MustAgreeOrBeEmpty(bias.Length, shape.Input.Channels);
            Lengths.MustBeMatrix(dX.Length, samples, shape.Input.Columns);
            PrepareBack(samples);
            KeepOutputGradient(dY, samples);

            var (inputs, panels) = (shape.InputsOfGroup, (shape.InputsOfGroup + GatherTile.Columns - 1) / GatherTile.Columns);
            PackBack(weight, bias, panels);
            var plain = IsPlain;
            if (!plain) Grow(ref _inputGradient, (long)shape.Input.Channels * _x.Channel);
            fixed (T* dYs = _outputGradient, w = _weights, starts = _starts, own = _inputGradient, result = dX)
            fixed (nint* taps = _backTaps)
            fixed (BackClass* classes = _classes)
            {
                var work = new BackWork
                {
                    DY = dYs,
                    W = w,
                    Starts = starts,
                    DX = plain ? result : own,
                    Taps = taps,
                    Classes = classes,
                    Phases = shape.Stride.Width,
                    Step = shape.Stride.Height,
                    Inputs = inputs,
                    Panels = panels,
                    Groups = shape.Groups,
                    FirstRow = plain ? shape.Padding.Top : 0,
                    Height = plain ? shape.Input.Height : shape.PaddedHeight,
                    OutputHeight = shape.Output.Height,
                    FirstOfRun = plain ? shape.Padding.Left * samples : 0,
                    Length = (plain ? shape.Input.Width : PhaseWidth) * samples,
                    GroupOfDY = shape.OutputsOfGroup * _dY.Channel,
                    RowOfDY = _dY.Row,
                    RowOfDX = plain ? shape.Input.Width * samples : _x.Row,
                    PhaseOfDX = PhaseWidth * samples,
                    ChannelOfDX = plain ? (nint)shape.Input.Height * shape.Input.Width * samples : _x.Channel,
                };
                Workers.Run(ref work, PartsFor(work.Units, samples));
            }

            if (!plain) Fold(dX, samples);
        }
    }

    /// <summary>dW += what x̃, which was kept, has to do with dY.</summary>
    public void AddWeightGradient(ReadOnlySpan<T> x, ReadOnlySpan<T> dY, Span<T> dWeight, int samples)
    {
        Lengths.MustBeMatrix(x.Length, samples, shape.Input.Columns);
        if (IsProduct)
        {
            Products.AddTransposeTimes(dY, x, dWeight, samples * shape.Input.Height * shape.Input.Width, shape.Output.Channels, shape.Input.Channels);
            return;
        }

        if (samples == 0) return;
        Lengths.MustAgree(samples, _samples);
        Lengths.MustBeMatrix(dY.Length, samples, shape.Output.Columns);
        Lengths.MustBeMatrix(dWeight.Length, shape.Output.Channels, shape.Taps);
        fixed (T* padded = _padded, dYs = dY, dw = dWeight)
        fixed (nint* taps = _taps)
        {
            var work = new WeightWork
            {
                X = padded,
                DY = dYs,
                DW = dw,
                Taps = taps,
                TapCount = shape.Taps,
                Outputs = shape.OutputsOfGroup,
                Groups = shape.Groups,
                Height = shape.Output.Height,
                Length = shape.Output.Width * samples,
                GroupOfX = shape.InputsOfGroup * _x.Channel,
                RowOfX = shape.Stride.Height * _x.Row,
                AllOutputs = shape.Output.Channels,
            };
            Workers.Run(ref work, PartsFor(work.Units, samples));
        }
    }

    private int PartsFor(int units, int samples) =>
        Math.Max(1, Math.Min(units, Workers.For((long)Math.Min(long.MaxValue, (double)shape.Taps * shape.Output.Columns * samples))));

    private int PlaceOfPixel(int w) => unchecked(w % shape.Stride.Width * PhaseWidth + w / shape.Stride.Width);

    /// <summary>Where everything lies for so many samples.</summary>
    private void Prepare(int samples)
    {
        if (samples == _samples) return;
        (_samples, _samplesOfWayBack) = (-1, -1);       // should there be no room
        _x = Spread.Of((double)shape.Stride.Width * PhaseWidth * samples, shape.PaddedHeight, shape.Input.Channels);
        Grow(ref _padded, shape.Input.Channels * _x.Channel);
        Grow(ref _taps, shape.Taps);
        var k = 0;
        for (var c = 0; c < shape.InputsOfGroup; c++)
            for (var u = 0; u < shape.Kernel.Height; u++)
                for (var v = 0; v < shape.Kernel.Width; v++)
                    _taps[k++] = (c * _x.Channel + u * shape.Dilation.Height * _x.Row + PlaceOfPixel(v * shape.Dilation.Width) * (nint)samples) * sizeof(T);
        _samples = samples;
    }

    /// <summary>The taps of the way back. Which weights meet at a row of x̃ depends on its number modulo the stride, and on the phase: so there are s s classes.</summary>
    private void PrepareBack(int samples)
    {
        unchecked
        {
            if (samples == _samplesOfWayBack) return;
            var ((kh, kw), (sh, sw), (dh, dw)) = (shape.Kernel, shape.Stride, shape.Dilation);
            var before = (kw - 1) * dw / sw;
            _dY = Spread.Of((double)(before + PhaseWidth) * samples, shape.Output.Height, shape.Output.Channels);
            Grow(ref _outputGradient, shape.Output.Channels * _dY.Channel);
            Grow(ref _backTaps, (long)shape.OutputsOfGroup * kh * kw);
            var k = 0;
            for (var rest = 0; rest < sh; rest++)
            {
                for (var phase = 0; phase < sw; phase++)
                {
                    ref var at = ref _classes[rest * sw + phase];
                    at = new() { First = k, FirstU = -1 };
                    for (var u = 0; u < kh; u++)
                    {
                        // The row hp of x̃ meets u at the row p of dY with hp = p s + u d.
                        if ((rest - u * dh) % sh != 0) continue;
                        if (at.FirstU < 0) at.FirstU = u;
                        else if (at.StepOfU == 0) at.StepOfU = u - at.FirstU;
                        at.CountOfU++;
                        for (var o = 0; o < shape.OutputsOfGroup; o++)
                        {
                            for (var v = 0; v < kw; v++)
                            {
                                if (v * dw % sw != phase) continue;
                                _backTaps[k++] = (o * _dY.Channel + (rest - u * dh) / sh * _dY.Row + (nint)(before - v * dw / sw) * samples) * sizeof(T);
                            }
                        }
                    }

                    at.Count = k - at.First;
                    at.Shift = at.FirstU < 0 ? 0 : (rest - at.FirstU * dh) / sh;
                    at.ShiftOfStep = at.StepOfU * dh / sh;
                }
            }

            _samplesOfWayBack = samples;
        }
    }

    private void KeepOutputGradient(ReadOnlySpan<T> dY, int samples)
    {
        unchecked
        {
            var (before, run) = ((shape.Kernel.Width - 1) * shape.Dilation.Width / shape.Stride.Width * samples, shape.Output.Width * samples);
            var width = before + PhaseWidth * samples;
            for (var o = 0; o < shape.Output.Channels; o++)
            {
                for (var p = 0; p < shape.Output.Height; p++)
                {
                    var row = _outputGradient.AsSpan((int)(o * _dY.Channel + p * _dY.Row), width);
                    row[..before].Clear();
                    dY.Slice((o * shape.Output.Height + p) * run, run).CopyTo(row[before..]);
                    row[(before + run)..].Clear();
                }
            }
        }
    }

    // The weights of a class in panels of six input channels, in the order of its taps.
    private void PackBack(ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, int panels)
    {
        unchecked
        {
            var ((kh, kw), (sh, sw), (dh, dw)) = (shape.Kernel, shape.Stride, shape.Dilation);
            var (inputs, outputs, area) = (shape.InputsOfGroup, shape.OutputsOfGroup, kh * kw);
            var taps = outputs * area;
            Grow(ref _weights, (long)shape.Groups * panels * taps * GatherTile.Columns);
            Grow(ref _starts, (long)shape.Groups * panels * GatherTile.Columns);
            for (var group = 0; group < shape.Groups; group++)
            {
                for (var panel = 0; panel < panels; panel++)
                {
                    var (first, width) = (panel * GatherTile.Columns, Math.Min(GatherTile.Columns, inputs - panel * GatherTile.Columns));
                    var starts = _starts.AsSpan((group * panels + panel) * GatherTile.Columns, GatherTile.Columns);
                    starts.Clear();
                    if (!bias.IsEmpty) bias.Slice(group * inputs + first, width).CopyTo(starts);
                    var at = (group * panels + panel) * taps * GatherTile.Columns;
                    for (var rest = 0; rest < sh; rest++)
                    {
                        for (var phase = 0; phase < sw; phase++)
                        {
                            for (var u = 0; u < kh; u++)
                            {
                                if ((rest - u * dh) % sh != 0) continue;
                                for (var o = 0; o < outputs; o++)
                                {
                                    for (var v = 0; v < kw; v++)
                                    {
                                        if (v * dw % sw != phase) continue;
                                        for (var c = 0; c < width; c++)
                                            _weights[at + c] = weight[((first + c) * area + u * kw + v) * shape.Output.Channels + group * outputs + o];
                                        at += GatherTile.Columns;
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// <summary>dX of dX̃: each pixel of x gets what reached its places in x̃.</summary>
    private void Fold(Span<T> dX, int samples)
    {
        unchecked
        {
            var (height, width) = (shape.Input.Height, shape.Input.Width);
            dX.Clear();
            for (var c = 0; c < shape.Input.Channels; c++)
            {
                for (var h = 0; h < shape.PaddedHeight; h++)
                {
                    if (_rowSources[h] < 0) continue;
                    var row = _inputGradient.AsSpan((int)(c * _x.Channel + h * _x.Row), shape.Stride.Width * PhaseWidth * samples);
                    var pixels = dX.Slice((c * height + _rowSources[h]) * width * samples, width * samples);
                    for (var w = 0; w < shape.PaddedWidth; w++)
                    {
                        if (_pixelSources[w] < 0) continue;
                        Span<T> from = row.Slice(PlaceOfPixel(w) * samples, samples), to = pixels.Slice(_pixelSources[w] * samples, samples);
                        for (var i = 0; i < to.Length; i++) to[i] += from[i];
                    }
                }
            }
        }
    }

    private static void Grow<TItem>(ref TItem[] items, long count)
    {
        if (count + Slack > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(count), string.Create(CultureInfo.InvariantCulture, $"A convolution of this batch needs {count} numbers beside each other, more than an array has room for."));
        if (items.Length < count + Slack) items = GC.AllocateUninitializedArray<TItem>((int)count + Slack);
        // What vectors read behind the end is not used, but shall be no trap either.
        items.AsSpan((int)count, Slack).Clear();
    }

    /// <summary>How far rows and channels are apart: an odd number of cache lines, so that those of one column do not all fall into the same few sets of the cache.</summary>
    private readonly record struct Spread(nint Row, nint Channel)
    {
        public static Spread Of(double row, int rows, int channels)
        {
            var line = 64 / sizeof(T);
            if ((row + 2 * line) * (rows + 1) * channels > Array.MaxLength - Slack)
                throw new ArgumentOutOfRangeException(nameof(row), string.Create(CultureInfo.InvariantCulture, $"A convolution of this batch needs {row * rows * channels:0} numbers beside each other, more than an array has room for."));
            var lines = ((nint)row + line - 1) / line | 1;
            return new(lines * line, (lines * rows | 1) * line);
        }
    }

    /// <summary>The weights that meet at a row of x̃ and a phase.</summary>
    private struct BackClass
    {
        /// <summary>Their taps.</summary>
        public int First, Count;

        /// <summary>Their rows u of the kernel: the first one, the distance from one to the next, how many.</summary>
        public int FirstU, StepOfU, CountOfU;

        /// <summary>The row of dY that the first meets at the class's first row of x̃, and how many rows earlier the next one meets.</summary>
        public int Shift, ShiftOfStep;
    }

    private struct ForwardWork : IParts, ISimdKernel<T>
    {
        public T* X, W, Starts, Y;
        public nint* Taps;
        public int TapCount, Outputs, Panels, Groups, Height, Length;
        public nint GroupOfX, RowOfX, ChannelOfY;
        private int _first, _end;

        public readonly int Blocks => unchecked((Length - 1) / RunBlock + 1);

        public readonly int Units => unchecked((int)Math.Min(int.MaxValue, (long)Groups * Height * Blocks));

        readonly void IParts.Run(int part, int parts)
        {
            unchecked
            {
                var work = this;
                (work._first, work._end) = ((int)((long)Units * part / parts), (int)((long)Units * (part + 1) / parts));
                Dispatch.Run<T, ForwardWork>(ref work);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                for (var unit = _first; unit < _end; unit++)
                {
                    int block = unit % Blocks, row = unit / Blocks % Height, group = unit / Blocks / Height;
                    var end = Math.Min(Length, (block + 1) * RunBlock);
                    nint first = (nint)group * Panels;
                    GatherTile.Block<T, V>(
                        X + group * GroupOfX + row * RowOfX + block * RunBlock, Taps, TapCount, W + first * TapCount * GatherTile.Columns, (nint)TapCount * GatherTile.Columns, Starts + first * GatherTile.Columns,
                        Y + (nint)group * Outputs * ChannelOfY + (nint)row * Length + block * RunBlock, ChannelOfY, end - block * RunBlock, Outputs);
                }
            }
        }
    }

    private struct BackWork : IParts, ISimdKernel<T>
    {
        public T* DY, W, Starts, DX;
        public nint* Taps;
        public BackClass* Classes;
        public int Phases, Step, Inputs, Panels, Groups, FirstRow, Height, OutputHeight, FirstOfRun, Length;
        public nint GroupOfDY, RowOfDY, RowOfDX, PhaseOfDX, ChannelOfDX;
        private int _first, _end;

        public readonly int Blocks => unchecked((Length - 1) / RunBlock + 1);

        public readonly int Units => unchecked((int)Math.Min(int.MaxValue, (long)Groups * Height * Phases * Blocks));

        private readonly int AllTaps
        {
            get
            {
                unchecked
                {
                    var last = Classes + Step * Phases - 1;
                    return last->First + last->Count;
                }
            }
        }

        readonly void IParts.Run(int part, int parts)
        {
            unchecked
            {
                var work = this;
                (work._first, work._end) = ((int)((long)Units * part / parts), (int)((long)Units * (part + 1) / parts));
                Dispatch.Run<T, BackWork>(ref work);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                var all = AllTaps;
                for (var unit = _first; unit < _end; unit++)
                {
                    int block = unit % Blocks, phase = unit / Blocks % Phases, line = unit / Blocks / Phases;
                    int row = line % Height, group = line / Height, padded = row + FirstRow;
                    ref var at = ref Classes[padded % Step * Phases + phase];
                    // Of the rows u those whose row of dY is there: p = hp / s + Shift - j ShiftOfStep for the j-th.
                    int p0 = padded / Step + at.Shift, from = 0, to = at.CountOfU;
                    while (from < to && p0 - from * at.ShiftOfStep >= OutputHeight) from++;
                    while (to > from && p0 - (to - 1) * at.ShiftOfStep < 0) to--;
                    var tapsOfU = at.CountOfU == 0 ? 0 : at.Count / at.CountOfU;
                    int first = at.First + from * tapsOfU, count = (to - from) * tapsOfU;
                    var end = Math.Min(Length, (block + 1) * RunBlock);
                    nint place = (nint)group * Panels, start = block * RunBlock;
                    GatherTile.Block<T, V>(
                        DY + group * GroupOfDY + padded / Step * RowOfDY + FirstOfRun + start, Taps + first, count, W + (place * all + first) * GatherTile.Columns, (nint)all * GatherTile.Columns, Starts + place * GatherTile.Columns,
                        DX + (nint)group * Inputs * ChannelOfDX + row * RowOfDX + phase * PhaseOfDX + start, ChannelOfDX, (int)(end - start), Inputs);
                }
            }
        }
    }

    private struct WeightWork : IParts, ISimdKernel<T>
    {
        public T* X, DY, DW;
        public nint* Taps;
        public int TapCount, Outputs, Groups, Height, Length, AllOutputs;
        public nint GroupOfX, RowOfX;
        private int _first, _end;

        private readonly int Threes => unchecked((TapCount + DotTile.Taps - 1) / DotTile.Taps);

        public readonly int Units => unchecked((int)Math.Min(int.MaxValue, (long)Groups * Threes));

        readonly void IParts.Run(int part, int parts)
        {
            unchecked
            {
                var work = this;
                (work._first, work._end) = ((int)((long)Units * part / parts), (int)((long)Units * (part + 1) / parts));
                // Partial sums want vectors, if need be in software.
                if (Dispatch.Bytes < 16) work.Run<Simd128<T>>();
                else Dispatch.Run<T, WeightWork>(ref work);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                var rows = Math.Max(1, Piece / Length);
                var block = new DotTile.Block<T>
                {
                    Output = (nint)Height * Length,
                    Row = Length,
                    RowOfX = RowOfX,
                    OutputOfDW = 1,
                    TapOfDW = AllOutputs,
                };
                for (var p = 0; p < Height; p += rows)
                {
                    block.Rows = Math.Min(rows, Height - p);
                    for (nint i = 0; i < Length; i += Piece)
                    {
                        block.Length = (int)nint.Min(Piece, Length - i);
                        for (var unit = _first; unit < _end; unit++)
                        {
                            int group = unit / Threes, k = unit % Threes * DotTile.Taps;
                            block.X = X + group * GroupOfX + p * RowOfX + i;
                            block.Offsets = Taps + k;
                            var taps = Math.Min(DotTile.Taps, TapCount - k);
                            for (var o = 0; o < Outputs; o += DotTile.Outputs)
                            {
                                nint output = group * Outputs + o;
                                block.DY = DY + output * block.Output + (nint)p * Length + i;
                                block.DW = DW + output + (nint)k * AllOutputs;
                                DotTile.Run<T, V>(block, Math.Min(DotTile.Outputs, Outputs - o), taps);
                            }
                        }
                    }
                }
            }
        }
    }
}
