using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="Conv2d{T}"/> and <see cref="Conv1d{T}"/>: which pixel meets which weight for which output.</summary>
internal sealed class ConvolutionExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is Conv2d<T> or Conv1d<T>;

    public override void Explain(Place<T> at)
    {
        var (weight, bias, meetings) = at.Layer is Conv2d<T> image
            ? (image.Weight, image.Bias, new Meetings(image.InputShape, image.OutputShape, image.KernelSize, image.Stride, image.Dilation, image.Padding, image.PaddingMode, image.Groups))
            : at.Layer is Conv1d<T> signal
            ? (signal.Weight, signal.Bias, new Meetings(
                new(signal.InChannels, 1, signal.Length), new(signal.OutChannels, 1, signal.OutputLength), (1, signal.KernelSize), (1, signal.Stride), (1, signal.Dilation),
                new(signal.Padding.Before, signal.Padding.After, 0, 0), signal.PaddingMode, signal.Groups))
            : throw new InvalidOperationException();
        var (x, dY, w) = (at.Input, at.OutputGradient, at.Parameter(weight, "W"));
        var b = bias is null ? null : at.Parameter(bias, "b");
        var (seen, ways) = (SumOver("cuv", Symbol("W", "ocuv") * Symbol("x~", "c, ps+ud, qs+vd")), Symbol("dY", "opq"));

        // y[o, p, q] = b[o] + Σ_cuv W[o, c, u, v] x̃[c, p s + u d, q s + v d]
        at.Rule(at.Output, Equal(Symbol("y", "opq"), b is null ? seen : seen + Symbol("b", "o")), (i, output) =>
        {
            var o = output / meetings.Pixels;
            var sum = Sum(meetings.Of(output).Select(meeting => x[i, meeting.Input] * w[o, meeting.Weight]));
            return b is null ? sum : sum + b[o];
        }, "Where the kernel reaches beyond the image, zeros are left out.");
        // dx̃[c, h, w] = Σ_ouv W[o, c, u, v] dY[o, p, q]
        at.Rule(at.InputGradient, Equal(Symbol("dx~", "chw"), SumOver("ouv", Symbol("W", "ocuv") * ways)),
            (i, input) => Sum(meetings.WaysFrom(input).Select(way => dY![i, way.Output] * w[way.Output / meetings.Pixels, way.Weight])), "A pixel gets back, through each weight that it met, the gradient of the output that it met it for.");
        // dW[o, c, u, v] = Σ_pq dY[o, p, q] x̃[c, p s + u d, q s + v d]
        at.Rule(w.Gradient, Equal(Symbol("dW", "ocuv"), SumOver("pq", ways * Symbol("x~", "c, ps+ud, qs+vd"))), (o, k) => Sum(
            from output in Enumerable.Range(o * meetings.Pixels, meetings.Pixels)
            from meeting in meetings.Of(output)
            where meeting.Weight == k
            from i in Enumerable.Range(0, x.Rows)
            select dY![i, output] * x[i, meeting.Input]), "A weight serves every place of the kernel, in every sample.");
        // db[o] = Σ_pq dY[o, p, q]
        at.Rule(b?.Gradient, Equal(Symbol("db", "o"), SumOver("pq", ways)),
            (_, o) => Sum(from pixel in Enumerable.Range(o * meetings.Pixels, meetings.Pixels) from i in Enumerable.Range(0, x.Rows) select dY![i, pixel]));
    }

    /// <summary>Who meets whom: columns of the input, columns of the output, and columns of the weight.</summary>
    private sealed class Meetings(ImageShape input, ImageShape output, Size2d kernel, Size2d stride, Size2d dilation, Padding2d padding, PaddingMode mode, int groups)
    {
        private Dictionary<int, List<(int Output, int Weight)>>? _ways;

        /// <summary>Places of an output channel.</summary>
        public int Pixels => output.Height * output.Width;

        /// <summary>What an output sees.</summary>
        public IEnumerable<(int Input, int Weight)> Of(int column)
        {
            int o = column / Pixels, p = column % Pixels / output.Width, q = column % output.Width, channels = input.Channels / groups;
            var first = o / (output.Channels / groups) * channels;
            for (var k = 0; k < channels * kernel.Height * kernel.Width; k++)
            {
                int c = k / (kernel.Height * kernel.Width), u = k / kernel.Width % kernel.Height, v = k % kernel.Width;
                if (Source(p * stride.Height + u * dilation.Height - padding.Top, input.Height) is int h && Source(q * stride.Width + v * dilation.Width - padding.Left, input.Width) is int w)
                    yield return (((first + c) * input.Height + h) * input.Width + w, k);
            }
        }

        /// <summary>The outputs that see a pixel, and through which weight.</summary>
        public List<(int Output, int Weight)> WaysFrom(int pixel)
        {
            if (_ways is null)
            {
                _ways = [];
                for (var column = 0; column < output.Columns; column++)
                {
                    foreach (var (from, weight) in Of(column))
                    {
                        if (!_ways.TryGetValue(from, out var ways)) _ways[from] = ways = [];
                        ways.Add((column, weight));
                    }
                }
            }

            return _ways.GetValueOrDefault(pixel) ?? [];
        }

        private int? Source(int at, int size) => at >= 0 && at < size ? at : mode switch
        {
            PaddingMode.Reflect => at < 0 ? -at : 2 * (size - 1) - at,
            PaddingMode.Replicate => at < 0 ? 0 : size - 1,
            PaddingMode.Circular => at < 0 ? at + size : at - size,
            _ => null,
        };
    }
}
