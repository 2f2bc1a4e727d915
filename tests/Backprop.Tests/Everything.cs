using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Tests;

/// <summary>One of each public layer, loss, optimizer, scheduler and metric, with settings that are not the usual ones: fractions and negative numbers where they may be.</summary>
internal static class Everything
{
    public static readonly Layer<double>[] Layers =
    [
        new Linear<double>(3, 4), new Linear<double>(3, 4, bias: false), new Embedding<double>(5, 2, paddingIdx: -2), new Dropout<double>(0.25), new Identity<double>(),
        new LayerNorm<double>(3, 1.5e-3), new RMSNorm<double>(3, 1.5e-3), new BatchNorm1d<double>(3, 1.5e-3, 0.25), new BatchNorm1d<double>(3, momentum: null, affine: false),
        new Residual<double>(new Linear<double>(3, 3)), new Sequential<double> { { "a", new LeakyReLU<double>(-0.5) }, { "b", new Tanh<double>() } },
        new CELU<double>(0.5), new ELU<double>(0.5), new GELU<double>(), new GELU<double>(GELUApproximation.Tanh), new Hardshrink<double>(0.25), new Hardsigmoid<double>(),
        new Hardswish<double>(), new Hardtanh<double>(-1.5, 2.5), new LeakyReLU<double>(-0.5), new LogSigmoid<double>(), new LogSoftmax<double>(), new Mish<double>(),
        new PReLU<double>(2, -0.5), new ReLU<double>(), new ReLU6<double>(), new SELU<double>(), new SiLU<double>(), new Sigmoid<double>(), new Softmax<double>(),
        new Softplus<double>(0.5, 10.5), new Softshrink<double>(0.25), new Softsign<double>(), new Tanh<double>(), new Tanhshrink<double>(),
        new Columns<double>(1, 2), new Concat<double> { { "a", new LeakyReLU<double>(-0.5) }, { "b", new Columns<double>(0, 1) } }, new Sum<double>(new LeakyReLU<double>(-0.5), new Tanh<double>()),
        new Standardize<double>(3, allowConstant: true), new MinMaxScale<double>(3, -1.5, 2.5), new Impute<double>(3, ImputeStrategy.Constant, -0.5), new OneHot<double>([0, 3], allowUnknown: true),
        new Conv1d<double>(2, 5, 3, 2, stride: 2, padding: 1, dilation: 3, paddingMode: PaddingMode.Circular), new Conv2d<double>(new(2, 4, 3), 4, (2, 3), (2, 1), (1, 0), groups: 2, bias: false, paddingMode: PaddingMode.Reflect),
        new ConvTranspose2d<double>(new(2, 2, 3), 3, 3, 2, 1, (1, 0)), new MaxPool2d<double>(new(2, 4, 3), 2, (1, 2), 1, ceilMode: true), new AvgPool2d<double>(new(2, 4, 3), 2, 1, 1, true, false, 3),
        new AdaptiveAvgPool2d<double>(new(2, 4, 3), (3, 2)), new Upsample<double>(new(2, 2, 3), (5, 4), UpsampleMode.Bilinear, alignCorners: true), new ZeroPad2d<double>(new(2, 2, 3), new Padding2d(1, 0, 2, 1)),
        new BatchNorm2d<double>(new(2, 2, 3), 1.5e-3, 0.25), new GroupNorm<double>(2, new(4, 2, 1), 1.5e-3), new InstanceNorm2d<double>(new(2, 2, 3), 1.5e-3, 0.25, affine: true, trackRunningStats: true), new Dropout2d<double>(3, 0.25),
        new MultiheadAttention<double>(4, 2, 5, true, 0.25, false, 0.5), new ScaledDotProductAttention<double>(4, 2, 5, true, 0.25, 0.5), new PositionalEmbedding<double>(5, 4), new SinusoidalPositions<double>(5, 4, 1.5), new TransformerEncoderLayer<double>(4, 2, 5, 6, 0.25, normFirst: true, causal: true),
        new RNN<double>(3, 2, 1, 2, RecurrentNonlinearity.ReLU, bias: false), new GRU<double>(3, 2, 1, 2, bidirectional: true), new LSTM<double>(3, 2, 1, bidirectional: true), new LastStep<double>(1), new MeanOverTime<double>(1), new MaxOverTime<double>(1), new ToSteps<double>(1), new ToRows<double>(1),
    ];

    public static readonly Loss<double>[] Losses =
    [
        new BCELoss<double>(), new BCEWithLogitsLoss<double>(posWeight: Weights(2)), new CrossEntropyLoss<double>(Weights(3), -7, Reduction.Sum, 0.125), new CrossEntropyLoss<double>(Weights(20)),
        new GaussianNLLLoss<double>(true, 1.5e-6), new HuberLoss<double>(Reduction.Sum, 0.5), new KLDivLoss<double>(logTarget: true), new L1Loss<double>(), new MSELoss<double>(Reduction.Sum),
        new NLLLoss<double>(Weights(2), -7), new PoissonNLLLoss<double>(false, true, 1.5e-8), new SmoothL1Loss<double>(beta: 0.5),
        new CombinedLoss<double>(new("kind", new CrossEntropyLoss<double>(Weights(3), -7), ..3, ..1, -0.5), new("price", new HuberLoss<double>(delta: 0.5), 3.., 1..)),
    ];

    public static readonly Metric<double>[] Metrics =
    [
        new Accuracy<double>(3), new AveragePrecision<double>(), new BinaryAccuracy<double>(0.25), new F1<double>(ClassAverage.Weighted, 0.25, -7), new LogLoss<double>(true, -7), new Matthews<double>(0.25),
        new MeanAbsoluteError<double>(), new MeanAbsolutePercentageError<double>(), new Perplexity<double>(-7), new Precision<double>(ClassAverage.Micro, 0.25), new R2<double>(), new Recall<double>(threshold: 0.25),
        new RocAuc<double>(-7), new RootMeanSquaredError<double>(),
        new LossMetric<double>("price", new HuberLoss<double>(delta: 0.5)), new ColumnsMetric<double>("kind", new Accuracy<double>(3), ..3, ..1),
    ];

    public static Optimizer<double>[] Optimizers() =>
    [
        new SGD<double>(Some(), 0.125, momentum: 0.5, weightDecay: 0.25), new Adam<double>(Some(), 0.125), new AdamW<double>(Some(), 0.125), new Adagrad<double>(Some(), 0.125),
        new RMSprop<double>(Some(), 0.125), new Optimizer<double>(new SGDGroup<double>(Some()) { LearningRate = 0.125 }, new AdamGroup<double>(Some()) { LearningRate = 0.5 }),
    ];

    public static LRScheduler[] Schedulers()
    {
        var optimizer = new SGD<double>(Some(), 0.125, momentum: 0.5);
        return
        [
            new CosineAnnealingLR(optimizer, 10, 0.0625), new ExponentialLR(optimizer, 0.5), new LinearLR(optimizer, 0.25, 0.75, 3), new MultiStepLR(optimizer, [2, 5], 0.25),
            new CosineAnnealingWarmRestarts(optimizer, 5, 2, 0.0625), new LambdaLR(optimizer, epoch => 1 / (1.0 + epoch)),
            new SequentialLR(optimizer, [new LinearLR(optimizer, 0.25, 0.75, 3), new ExponentialLR(optimizer, 0.5)], [3]), new ChainedScheduler([new LinearLR(optimizer, 0.5, 0.75, 3), new ExponentialLR(optimizer, 0.25)]),
            new OneCycleLR(optimizer, 0.5, 20), new ReduceLROnPlateau(optimizer, PlateauMode.Max, 0.25, 3, 0.125), new StepLR(optimizer, 3, 0.25),
        ];
    }

    private static Vector<double> Weights(int count) => Vector<double>.Build.Dense(count, i => i + 0.5);

    private static IReadOnlyList<Parameter<double>> Some() => new Linear<double>(2, 2).Parameters;
}
