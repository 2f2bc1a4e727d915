using System.Numerics;

namespace Backprop.Tests;

/// <summary>Each layer of the library, with the settings that change what is written.</summary>
internal static class Catalogue
{
    public static IReadOnlyList<Case<T>> Of<T>() where T : unmanaged, IFloatingPointIeee754<T>
    {
        var generator = new Generator(seed: 7);
        var image = new ImageShape(4, 5, 6);
        Case<T>[] cases =
        [
            new(new Linear<T>(3, 4, generator: generator), 3), new(new Linear<T>(5, 1, bias: false, generator: generator), 5),
            new(new Embedding<T>(5, 2, paddingIdx: -2, generator: generator), 1, Classes: 5), new(new Embedding<T>(7, 3, generator: generator), 4, Classes: 7),
            new(new Sequential<T> { { "a", new LeakyReLU<T>(-0.5) }, { "b", new Tanh<T>() } }, 3), new(new Sequential<T>(), 3),
            new(new Residual<T>(new Linear<T>(3, 3, generator: generator)), 3), new(new Residual<T>(new Identity<T>()), 3),
            new(new Sum<T>(new LeakyReLU<T>(-0.5), new Tanh<T>(), new Identity<T>()), 3), new(new Sum<T>(new Tanh<T>()), 2),
            new(new Concat<T> { { "a", new LeakyReLU<T>(-0.5) }, { "b", new Columns<T>(0, 1) }, new Identity<T>() }, 3), new(new Columns<T>(1, 2), 4),
            new(new Identity<T>(), 3), new(new Dropout<T>(0.25), 3), new(new Dropout2d<T>(3, 0.25), 12),
            .. Activations<T>().Select(layer => new Case<T>(layer, layer is PReLU<T> { NumParameters: > 1 } each ? each.NumParameters : 4)),
            new(new LayerNorm<T>(5, 1.5e-3), 5), new(new LayerNorm<T>(5, bias: false), 5), new(new LayerNorm<T>(5, elementwiseAffine: false), 5),
            new(new RMSNorm<T>(5, 1.5e-3), 5), new(new RMSNorm<T>(5, elementwiseAffine: false), 5),
            new(new BatchNorm1d<T>(3, 1.5e-3, 0.25), 3, 2), new(new BatchNorm1d<T>(3, momentum: null, affine: false), 3, 2), new(new BatchNorm1d<T>(3, trackRunningStats: false), 3, 2),
            new(new BatchNorm2d<T>(image, 1.5e-3, 0.25), image.Columns), new(new BatchNorm2d<T>(image, momentum: null, affine: false), image.Columns), new(new BatchNorm2d<T>(image, trackRunningStats: false), image.Columns),
            new(new GroupNorm<T>(2, image, 1.5e-3), image.Columns), new(new GroupNorm<T>(4, image, affine: false), image.Columns), new(new GroupNorm<T>(1, new(6, 1, 1)), 6),
            new(new InstanceNorm2d<T>(image, 1.5e-3), image.Columns), new(new InstanceNorm2d<T>(image, affine: true), image.Columns),
            new(new InstanceNorm2d<T>(image, affine: true, trackRunningStats: true), image.Columns), new(new InstanceNorm2d<T>(image, trackRunningStats: true), image.Columns),
            new(new Standardize<T>(3), 3), new(new MinMaxScale<T>(3, -1.5, 2.5, allowConstant: true), 3), new(new MinMaxScale<T>(3, allowConstant: true), 3),
            new(new Impute<T>(3, ImputeStrategy.Constant, -0.5), 3), new(new Impute<T>(3, addIndicator: true), 3),
            new(new OneHot<T>([0, 3, 2, 0], allowUnknown: true), 4, Classes: 5), new(new OneHot<T>([2, 4]), 2, Classes: 2),
            new(new Conv1d<T>(4, 9, 6, 3, generator: generator), 36), new(new Conv1d<T>(2, 5, 3, 2, stride: 2, padding: 1, dilation: 3, paddingMode: PaddingMode.Circular, generator: generator), 10),
            new(new Conv1d<T>(4, 8, 4, 4, padding: null, groups: 2, bias: false, generator: generator), 32),
            new(new Conv2d<T>(image, 6, 3, generator: generator), image.Columns), new(new Conv2d<T>(image, 4, (2, 3), (2, 1), (1, 0), groups: 2, bias: false, paddingMode: PaddingMode.Reflect, generator: generator), image.Columns),
            new(new Conv2d<T>(image, 3, 2, padding: Padding2d.Same, paddingMode: PaddingMode.Replicate, generator: generator), image.Columns), new(new Conv2d<T>(image, 4, 3, 2, new Padding2d(1, 0, 2, 1), dilation: 2, groups: 4, generator: generator), image.Columns),
            new(new Conv2d<T>(image, 4, 3, 1, 1, paddingMode: PaddingMode.Circular, generator: generator), image.Columns),
            new(new ConvTranspose2d<T>(new(2, 2, 3), 3, 3, 2, 1, (1, 0), generator: generator), 12), new(new ConvTranspose2d<T>(image, 4, 3, 1, new Padding2d(0, 1, 2, 0), bias: false, generator: generator), image.Columns), new(new ConvTranspose2d<T>(image, 6, (2, 3), 3, new Padding2d(1, 0, 0, 2), (2, 1), groups: 2, bias: false, dilation: 2, generator: generator), image.Columns),
            new(new MaxPool2d<T>(image, 2), image.Columns), new(new MaxPool2d<T>(image, 2, (1, 2), 1, ceilMode: true), image.Columns), new(new MaxPool2d<T>(image, 3, 2, 1, dilation: (1, 2)), image.Columns),
            new(new MaxPool2d<T>(image, 2, 4, 0, ceilMode: true), image.Columns), new(new MaxPool2d<T>(image, 1, 4, 0, ceilMode: true), image.Columns), new(new MaxPool2d<T>(image, 2, 3, 0, dilation: 3, ceilMode: true), image.Columns),
            new(new AvgPool2d<T>(image, 2), image.Columns), new(new AvgPool2d<T>(image, 2, 1, 1, true, false, 3), image.Columns), new(new AvgPool2d<T>(image, 3, 2, 1, countIncludePad: false), image.Columns), new(new AvgPool2d<T>(image, 3, 2, 1), image.Columns),
            new(new AvgPool2d<T>(image, 3, 3, 1, ceilMode: true), image.Columns), new(new AvgPool2d<T>(image, (2, 4), (2, 2), ceilMode: true, countIncludePad: false), image.Columns),
            new(new AdaptiveAvgPool2d<T>(image, 1), image.Columns), new(new AdaptiveAvgPool2d<T>(image, (3, 4)), image.Columns), new(new AdaptiveAvgPool2d<T>(image, (5, 2)), image.Columns), new(new AdaptiveAvgPool2d<T>(image, (7, 9)), image.Columns),
            new(new Upsample<T>(image, (10, 9)), image.Columns), new(new Upsample<T>(image, (3, 4)), image.Columns),
            new(new Upsample<T>(image, (9, 13), UpsampleMode.Bilinear), image.Columns), new(new Upsample<T>(image, (3, 12), UpsampleMode.Bilinear, alignCorners: true), image.Columns), new(new Upsample<T>(image, (1, 1), UpsampleMode.Bilinear, alignCorners: true), image.Columns),
            new(new ZeroPad2d<T>(image, new Padding2d(1, 0, 2, 1)), image.Columns), new(new ZeroPad2d<T>(image, new Padding2d(0, 2, 1, 0)), image.Columns),
            new(new LastStep<T>(3), 4, 3), new(new MeanOverTime<T>(3), 4, 3), new(new MaxOverTime<T>(3), 4, 3), new(new ToSteps<T>(3), 6), new(new ToRows<T>(3), 2, 3),
            new(new RNN<T>(3, 2, 4, generator: generator), 3, 4), new(new RNN<T>(3, 4, 5, 2, RecurrentNonlinearity.ReLU, bidirectional: true, bias: false, generator: generator), 3, 5),
            new(new GRU<T>(3, 2, 4, generator: generator), 3, 4), new(new GRU<T>(3, 4, 5, 2, bidirectional: true, dropout: 0.5, generator: generator), 3, 5), new(new GRU<T>(2, 3, 1, bias: false, generator: generator), 2),
            new(new LSTM<T>(3, 2, 4, generator: generator), 3, 4), new(new LSTM<T>(3, 4, 5, 2, bidirectional: true, generator: generator), 3, 5), new(new LSTM<T>(2, 3, 6, bias: false, generator: generator), 2, 6),
            new(new ScaledDotProductAttention<T>(4, 2, 5), 12, 5), new(new ScaledDotProductAttention<T>(8, 2, 5, causal: true, dropout: 0.25, rotaryBase: 100), 24, 5),
            new(new MultiheadAttention<T>(4, 2, 5, generator: generator), 4, 5), new(new MultiheadAttention<T>(8, 2, 3, causal: true, bias: false, rotaryBase: 10000, generator: generator), 8, 3),
            new(new PositionalEmbedding<T>(5, 4, generator), 4, 5), new(new SinusoidalPositions<T>(5, 4, 1.5), 4, 5),
            new(new TransformerEncoderLayer<T>(4, 2, 5, 6, generator: generator), 4, 5), new(new TransformerEncoderLayer<T>(8, 2, 5, 6, 0.25, new GELU<T>(), normFirst: true, causal: true, bias: false, rotaryBase: 100, generator: generator), 8, 5),
        ];
        foreach (var (one, seed) in cases.Select((one, seed) => (one, seed))) Stir(one, seed);
        return cases;
    }

    public static Layer<T>[] Activations<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
    [
        new CELU<T>(0.5), new CELU<T>(-1.5), new ELU<T>(), new ELU<T>(-0.5), new GELU<T>(), new GELU<T>(GELUApproximation.Tanh), new Hardshrink<T>(0.25), new Hardshrink<T>(0), new Hardsigmoid<T>(), new Hardswish<T>(),
        new Hardtanh<T>(-1.5, 2.5), new Hardtanh<T>(), new LeakyReLU<T>(), new LeakyReLU<T>(-0.5), new LogSigmoid<T>(), new LogSoftmax<T>(), new Mish<T>(), new PReLU<T>(3, -0.5), new PReLU<T>(), new ReLU<T>(), new ReLU6<T>(),
        new SELU<T>(), new SiLU<T>(), new Sigmoid<T>(), new Softmax<T>(), new Softplus<T>(), new Softplus<T>(0.5, 10.5), new Softplus<T>(2, -1), new Softshrink<T>(0.25), new Softsign<T>(), new Tanh<T>(), new Tanhshrink<T>(),
    ];

    // What learning, fitting and running leave: no weight is as it was made.
    private static void Stir<T>(Case<T> one, int seed) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var random = new Random(seed);
        foreach (var (_, parameter) in one.Layer.NamedParameters())
            for (var i = 0; i < parameter.Count; i++) parameter.Values[i] += T.CreateChecked(random.NextDouble() - 0.5);
        if (one.Layer is Preprocessing<T> preprocessing)
        {
            var x = Any.Matrix<T>(6, one.Columns, seed, 3);
            if (one.Layer is MinMaxScale<T>) x.SetColumn(1, MathNet.Numerics.LinearAlgebra.Vector<T>.Build.Dense(6));
            preprocessing.Fit(x);
        }
        else if (one.Layer is not Recurrent<T>) one.Layer.Forward(one.Input(4, seed), one.Layer.NewPass());
    }
}
