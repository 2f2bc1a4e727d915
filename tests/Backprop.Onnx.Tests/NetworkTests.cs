using System.Numerics;
using Backprop.Tests;
using CsCheck;
using FluentAssertions;
using Xunit;

namespace Backprop.Onnx.Tests;

/// <summary>Random networks of all layers, nested, shared and named, in ONNX Runtime and here.</summary>
public abstract class NetworkTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Gen<(int Seed, int Opset)> Networks = Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Int[OnnxOpset.Oldest, OnnxOpset.Newest]);

    [Fact]
    public void Networks_of_all_layers_give_in_ONNX_Runtime_what_they_give_here()
    {
        var kinds = new HashSet<string>();
        Networks.ForAll(
            one =>
            {
                var builder = new Builder(one.Seed);
                var (model, columns, rows) = builder.Network();
                foreach (var layer in Places(model)) kinds.Add(layer.GetType().Name.Split('`')[0]);
                var x = Any.Matrix<T>(3 * rows, columns, one.Seed, 2);
                Runtime.Agrees(model, model.ToOnnx(columns, new() { Opset = one.Opset }), x, x.SubMatrix(0, rows, 0, columns));
            },
            count: 150);
        // All but those whose input is no quantity, or that are fitted.
        Catalogue.Of<T>().Select(one => one.Kind).Except(kinds).Should().BeEquivalentTo("Embedding", "OneHot", "Impute");
    }

    private static IEnumerable<Layer<T>> Places(Layer<T> layer) => layer.Children.SelectMany(child => Places(child.Layer)).Prepend(layer);

    private sealed class Builder(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly Generator _generator = new(seed);

        /// <summary>A network, the columns that it takes, and of how many rows a multiple.</summary>
        public (Layer<T> Model, int Columns, int Rows) Network()
        {
            var model = new Sequential<T>();
            var (columns, steps) = (_random.Next(2, 7), 1);
            switch (_random.Next(3))
            {
                case 0:
                    model.Add("scale", Fitted(columns));
                    break;
                case 1:
                    var image = new ImageShape(2 * _random.Next(1, 3), _random.Next(4, 7), _random.Next(4, 7));
                    columns = image.Columns;
                    for (var i = _random.Next(1, 4); i > 0; i--) model.Add($"image{i}", Image(ref image));
                    break;
                default:
                    (columns, steps) = (4, _random.Next(1, 5));
                    if (_random.Next(2) == 0)
                    {
                        model.Add("steps", new ToSteps<T>(steps));
                        (columns, steps) = (columns * steps, 1);
                    }

                    var ofSequence = columns == 4 ? steps : columns / 4;
                    for (var i = _random.Next(1, 4); i > 0; i--) model.Add($"sequence{i}", Sequence(ofSequence));
                    model.Add("last", Choose(new LastStep<T>(ofSequence), new MeanOverTime<T>(ofSequence), new MaxOverTime<T>(ofSequence), new ToRows<T>(ofSequence), new Identity<T>()));
                    break;
            }

            var width = model.OutputColumns(columns);
            model.Add("head", Rows(ref width, level: 2));
            return (model, columns, steps);
        }

        private Layer<T> Rows(ref int columns, int level)
        {
            var chain = new Sequential<T>();
            for (var i = _random.Next(1, 5); i > 0; i--) chain.Add(OfRows(ref columns, level));
            return chain;
        }

        private Layer<T> OfRows(ref int columns, int level)
        {
            var (width, next) = (columns, _random.Next(1, 7));
            switch (_random.Next(level > 0 ? 7 : 4))
            {
                case 0:
                    columns = next;
                    return new Linear<T>(width, next, bias: _random.Next(3) > 0, generator: _generator);
                case 1:
                    return Choose(Catalogue.Activations<T>().Where(layer => layer.InputColumns is null).ToArray());
                case 2:
                    return Choose(
                        new LayerNorm<T>(width, 1e-3), new RMSNorm<T>(width, 1e-3), new BatchNorm1d<T>(width), new Dropout<T>(0.5), new Dropout2d<T>(width), new Identity<T>(), new PReLU<T>(width), new GroupNorm<T>(1, new(width, 1, 1), 1e-3),
                        Fitted(width));
                case 3:
                    var (start, count) = (_random.Next(width), 1);
                    count = _random.Next(1, width - start + 1);
                    columns = count;
                    return new Columns<T>(start, count);
                case 4:
                    // The same layer twice.
                    var same = new Linear<T>(width, width, generator: _generator);
                    return new Sequential<T> { { "first", same }, { "between", new Tanh<T>() }, { "again", same } };
                case 5:
                    var inner = width;
                    var f = new Sequential<T> { Rows(ref inner, level - 1) };
                    f.Add("back", new Linear<T>(inner, width, generator: _generator));
                    return new Residual<T>(f);
                default:
                    int left = width, right = width;
                    Layer<T> a = Rows(ref left, level - 1), b = Rows(ref right, level - 1);
                    if (left == right && _random.Next(2) == 0) return Sum(ref columns, left, a, b);
                    if (_random.Next(2) == 0) return Sum(ref columns, left, a, new Sequential<T> { b, new Linear<T>(right, left, generator: _generator) });
                    columns = left + right;
                    return new Concat<T> { { "left", a }, { "right", b } };
            }
        }

        private static Sum<T> Sum(ref int columns, int width, params Layer<T>[] branches)
        {
            columns = width;
            return new(branches);
        }

        private Layer<T> Image(ref ImageShape image)
        {
            var (shape, generator) = (image, _generator);
            var layer = Choose<Func<(Layer<T>, ImageShape)>>(
                () => Of(new Conv2d<T>(shape, 4, 3, padding: 1, paddingMode: (PaddingMode)_random.Next(4), generator: generator), layer => layer.OutputShape),
                () => Of(new Conv2d<T>(shape, 2, 2, 2, new Padding2d(1, 0, 0, 1), groups: 2, bias: false, generator: generator), layer => layer.OutputShape),
                () => Of(new ConvTranspose2d<T>(shape, 2, 3, 2, 1, 1, generator: generator), layer => layer.OutputShape),
                () => Of(new MaxPool2d<T>(shape, 2, 1, ceilMode: true), layer => layer.OutputShape),
                () => Of(new AvgPool2d<T>(shape, 2, 1, 1, ceilMode: _random.Next(2) == 0, countIncludePad: _random.Next(2) == 0), layer => layer.OutputShape),
                () => Of(new AdaptiveAvgPool2d<T>(shape, (4, 5)), layer => layer.OutputShape),
                () => Of(new Upsample<T>(shape, (5, 7), (UpsampleMode)_random.Next(2)), layer => layer.OutputShape),
                () => Of(new ZeroPad2d<T>(shape, new Padding2d(1, 0, 2, 1)), layer => layer.OutputShape),
                () => Of(new BatchNorm2d<T>(shape), _ => shape),
                () => Of(new GroupNorm<T>(2, shape, 1e-3), _ => shape),
                () => Of(new InstanceNorm2d<T>(shape, 1e-3, affine: true), _ => shape),
                () => Of(new Dropout2d<T>(shape.Channels), _ => shape),
                () => (new Residual<T>(new Conv1d<T>(shape.Channels, shape.Height * shape.Width, shape.Channels, 3, padding: null, generator: generator)), shape))();
            image = layer.Item2.Height > 3 && layer.Item2.Width > 3 ? layer.Item2 : shape;
            return image == layer.Item2 ? layer.Item1 : new Identity<T>();

            static (Layer<T>, ImageShape) Of<TLayer>(TLayer layer, Func<TLayer, ImageShape> shape) where TLayer : Layer<T> => (layer, shape(layer));
        }

        // Of four columns, as all of these.
        private Layer<T> Sequence(int steps) => Choose<Func<Layer<T>>>(
            () => new RNN<T>(4, 2, steps, bidirectional: true, generator: _generator), () => new GRU<T>(4, 4, steps, 2, generator: _generator), () => new LSTM<T>(4, 4, steps, generator: _generator),
            () => new MultiheadAttention<T>(4, 2, steps, causal: _random.Next(2) == 0, rotaryBase: _random.Next(2) == 0 ? 100 : null, generator: _generator),
            () => new Sequential<T> { new Linear<T>(4, 12, generator: _generator), new ScaledDotProductAttention<T>(4, 1, steps, causal: true) },
            () => new TransformerEncoderLayer<T>(4, 2, steps, 5, normFirst: _random.Next(2) == 0, activation: _random.Next(2) == 0 ? new GELU<T>() : null, generator: _generator),
            () => new PositionalEmbedding<T>(steps, 4, _generator), () => new SinusoidalPositions<T>(steps, 4))();

        private Layer<T> Fitted(int columns)
        {
            Preprocessing<T> layer = _random.Next(2) == 0 ? new Standardize<T>(columns) : new MinMaxScale<T>(columns, -1);
            layer.Fit(Any.Matrix<T>(6, columns, seed));
            return layer;
        }

        private TChoice Choose<TChoice>(params TChoice[] choices) => choices[_random.Next(choices.Length)];

        private Layer<T> Choose(params Layer<T>[] choices) => Choose<Layer<T>>(choices);
    }
}

public sealed class NetworkDoubleTests : NetworkTests<double>;

public sealed class NetworkSingleTests : NetworkTests<float>;
