using System.Numerics;
using static Backprop.Explain.Expression;

namespace Backprop.Explain;

/// <summary>Explains <see cref="Conv2d{T}"/>, <see cref="Conv1d{T}"/> and <see cref="ConvTranspose2d{T}"/>: which pixel meets which weight for which output.</summary>
/// <remarks>A transposed convolution goes forwards where a convolution with the same weights goes back: its outputs are that one's inputs.</remarks>
internal sealed class ConvolutionExplainer<T> : LayerExplainer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public override bool Explains(Layer<T> layer) => layer is Conv2d<T> or Conv1d<T> or ConvTranspose2d<T>;

    public override void Explain(Place<T> at)
    {
        switch (at.Layer)
        {
            case Conv2d<T> image:
                Convolve(at, image.Weight, image.Bias, new(image.InputShape, image.OutputShape, image.KernelSize, image.Stride, image.Dilation, image.Padding, image.PaddingMode, image.Groups));
                break;
            case Conv1d<T> signal:
                Convolve(at, signal.Weight, signal.Bias, new(
                    new(signal.InChannels, 1, signal.Length), new(signal.OutChannels, 1, signal.OutputLength), (1, signal.KernelSize), (1, signal.Stride), (1, signal.Dilation),
                    new(signal.Padding.Before, signal.Padding.After, 0, 0), signal.PaddingMode, signal.Groups));
                break;
            case ConvTranspose2d<T> way:
                Paint(at, way.Weight, way.Bias, new(way.OutputShape, way.InputShape, way.KernelSize, way.Stride, way.Dilation, way.Padding, PaddingMode.Zeros, way.Groups));
                break;
        }
    }

    private static void Convolve(Place<T> at, MatrixParameter<T> weight, VectorParameter<T>? bias, Meetings meetings)
    {
        var (x, dY, w) = (at.Input, at.OutputGradient, at.Parameter(weight, "W"));
        var b = bias is null ? null : at.Parameter(bias, "b");
        var (sees, sw, sdY) = (Symbol("x~", "c, ps+ud, qs+vd"), Symbol("W", "ocuv"), Symbol("dY", "opq"));

        // y[o, p, q] = b[o] + Σ_cuv W[o, c, u, v] x̃[c, p s + u d, q s + v d]
        at.Rule(at.Output, Equal(Symbol("y", "opq"), With(SumOver("cuv", sw * sees), b is null ? null : Symbol("b", "o"))), (i, output) => With(meetings.Sees(x, w, i, output), b?[output / meetings.Pixels]),
            "Where the kernel reaches beyond the image, zeros are left out.");
        // dx̃[c, h, w] = Σ_ouv W[o, c, u, v] dY[o, p, q]
        at.Rule(at.InputGradient, Equal(Symbol("dx~", "chw"), SumOver("ouv", sw * sdY)), (i, input) => meetings.IsSeen(dY!, w, i, input), "A pixel gets back, through each weight that it met, the gradient of the output that it met it for.");
        // dW[o, c, u, v] = Σ_pq dY[o, p, q] x̃[c, p s + u d, q s + v d]
        at.Rule(w.Gradient, Equal(Symbol("dW", "ocuv"), SumOver("pq", sdY * sees)), (o, k) => meetings.Through(dY!, x, o, k), "A weight serves every place of the kernel, in every sample.");
        // db[o] = Σ_pq dY[o, p, q]
        at.Rule(b?.Gradient, Equal(Symbol("db", "o"), SumOver("pq", sdY)), (_, o) => OfChannel(dY!, o, meetings.Pixels));
    }

    private static void Paint(Place<T> at, MatrixParameter<T> weight, VectorParameter<T>? bias, Meetings meetings)
    {
        var (x, dY, w) = (at.Input, at.OutputGradient, at.Parameter(weight, "W"));
        var b = bias is null ? null : at.Parameter(bias, "b");
        var (sx, sw, painted) = (Symbol("x", "cpq"), Symbol("W", "couv"), Symbol("dY~", "o, ps+ud, qs+vd"));

        // ỹ[o, h, w] = b[o] + Σ_cuv W[c, o, u, v] x[c, p, q] with p s + u d = h and q s + v d = w
        at.Rule(at.Output, Equal(Symbol("y~", "ohw"), With(SumOver("cuv: ps+ud=h, qs+vd=w", sw * sx), b is null ? null : Symbol("b", "o"))), (i, output) => With(meetings.IsSeen(x, w, i, output), b?[output / meetings.PixelsSeen]),
            "Each pixel of x paints the kernel, times its value, into the image; y is that without its padding.");
        // dX[c, p, q] = Σ_ouv W[c, o, u, v] dỸ[o, p s + u d, q s + v d]
        at.Rule(at.InputGradient, Equal(Symbol("dX", "cpq"), SumOver("ouv", sw * painted)), (i, input) => meetings.Sees(dY!, w, i, input), "A pixel gets back the gradients of where it painted, each times the weight that it painted it with.");
        // dW[c, o, u, v] = Σ_pq x[c, p, q] dỸ[o, p s + u d, q s + v d]
        at.Rule(w.Gradient, Equal(Symbol("dW", "couv"), SumOver("pq", sx * painted)), (c, k) => meetings.Through(x, dY!, c, k), "A weight serves every pixel, in every sample.");
        // db[o] = Σ_hw dY[o, h, w]
        at.Rule(b?.Gradient, Equal(Symbol("db", "o"), SumOver("hw", Symbol("dY", "ohw"))), (_, o) => OfChannel(dY!, o, meetings.PixelsSeen));
    }

    private static Expression With(Expression sum, Expression? b) => b is null ? sum : sum + b;

    private static Expression OfChannel(Quantity dY, int channel, int pixels) => Sum(from pixel in Enumerable.Range(channel * pixels, pixels) from i in Enumerable.Range(0, dY.Rows) select dY[i, pixel]);

    /// <summary>Who meets whom in a convolution: columns of what it sees, columns of its output, and columns of the weight.</summary>
    private sealed class Meetings(ImageShape input, ImageShape output, Size2d kernel, Size2d stride, Size2d dilation, Padding2d padding, PaddingMode mode, int groups)
    {
        private Dictionary<int, List<(int Output, int Weight)>>? _ways;

        /// <summary>Places of an output channel.</summary>
        public int Pixels => output.Height * output.Width;

        /// <summary>Places of a channel that it sees.</summary>
        public int PixelsSeen => input.Height * input.Width;

        /// <summary>The sum of what an output sees, each times its weight.</summary>
        public Expression Sees(Quantity x, Quantity w, int i, int output) => Sum(Of(output).Select(meeting => x[i, meeting.Input] * w[output / Pixels, meeting.Weight]));

        /// <summary>The sum of the outputs that see a pixel, each times the weight that it sees it through.</summary>
        public Expression IsSeen(Quantity y, Quantity w, int i, int pixel) => Sum(WaysFrom(pixel).Select(way => y[i, way.Output] * w[way.Output / Pixels, way.Weight]));

        /// <summary>The sum of the products of what meets by a weight.</summary>
        public Expression Through(Quantity y, Quantity x, int o, int weight) => Sum(
            from output in Enumerable.Range(o * Pixels, Pixels)
            from meeting in Of(output)
            where meeting.Weight == weight
            from i in Enumerable.Range(0, x.Rows)
            select y[i, output] * x[i, meeting.Input]);

        /// <summary>What an output sees.</summary>
        private IEnumerable<(int Input, int Weight)> Of(int column)
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
        private List<(int Output, int Weight)> WaysFrom(int pixel)
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
