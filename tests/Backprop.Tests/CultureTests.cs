using System.Globalization;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>Whatever the culture, texts and files are the same: a minus sign, a decimal point, NaN and infinity are written in one way.</summary>
public sealed class CultureTests
{
    private static readonly Type[] Contracts = [typeof(Layer<>), typeof(Loss<>), typeof(Metric<>), typeof(Optimizer), typeof(LRScheduler)];

    public static TheoryData<string> Cultures => ["sv-SE", "fa-IR", "ar-SA", "de-DE", "of none of these"];

    [Theory, MemberData(nameof(Cultures))]
    public void Texts_are_the_same_in_every_culture(string culture)
    {
        var expected = Texts();
        In(culture, () => Texts().Should().Equal(expected));
        expected.Should().OnlyContain(text => !string.IsNullOrEmpty(text));

        static string[] Texts() =>
        [
            .. Everything.Layers.SelectMany(layer => new[] { $"{layer}", $"{layer} {layer.Formula}", $"{layer} {layer.Derivative}" }),
            .. Everything.Losses.SelectMany(loss => new[] { $"{loss}", $"{loss} {loss.Formula}", $"{loss} {loss.Derivative}" }),
            .. Everything.Metrics.Select(metric => metric.Name), .. Everything.Optimizers().Select(optimizer => $"{optimizer}"), .. Everything.Schedulers().Select(scheduler => $"{scheduler}"),
            .. Described().SelectMany(part => Settings.Of(part).Select(setting => $"{setting.Key}: {setting.Value}")),
            $"{new EarlyStopping(3, 0.5)}", string.Join(' ', Everything.Schedulers().Last().GetState().Keys),
        ];
    }

    [Theory, MemberData(nameof(Cultures))]
    public void Messages_are_the_same_in_every_culture(string culture)
    {
        string[] expected = [.. Refusals.Select(Message)];
        expected.Should().OnlyContain(message => message.Any(char.IsAsciiDigit) || message.Contains("NaN", StringComparison.Ordinal));
        In(culture, () => Refusals.Select(Message).Except(expected).Should().BeEmpty());
    }

    [Fact]
    public void Nothing_public_is_forgotten_here()
    {
        var known = Described().Select(part => part.GetType()).Concat(Everything.Optimizers().Select(optimizer => optimizer.GetType())).Select(Definition).ToHashSet();
        typeof(Layer<>).Assembly.GetExportedTypes().Where(type => !type.IsAbstract && Bases(type).Any(Contracts.Contains)).Except(known).Should().BeEmpty();

        static Type Definition(Type type) => type.IsGenericType ? type.GetGenericTypeDefinition() : type;

        static IEnumerable<Type> Bases(Type type)
        {
            for (var at = type.BaseType; at is not null; at = at.BaseType) yield return Definition(at);
        }
    }

    [Theory, MemberData(nameof(Cultures))]
    public void A_checkpoint_has_the_same_bytes_in_every_culture_and_is_read_in_every_other(string culture)
    {
        var here = Saved();
        byte[] there = [];
        In(culture, () =>
        {
            there = Saved();
            Build().LoadCheckpoint(new MemoryStream(here));
        });
        there.Should().Equal(here);
        Build().LoadCheckpoint(new MemoryStream(there));

        static Trainer<double> Build()
        {
            var generator = new Generator(1);
            var model = new Sequential<double> { { "hidden", new Linear<double>(Runs.Features, 4, generator: generator) }, new LeakyReLU<double>(-0.5), new Linear<double>(4, Runs.Classes, generator: generator) };
            var optimizer = new SGD<double>(model.Parameters, 0.125, momentum: 0.5, dampening: -0.5);
            var loss = new CrossEntropyLoss<double>(ignoreIndex: -7, labelSmoothing: 0.125);
            return new(model, loss, optimizer, new(Runs.Samples<double>(23, 1), 5, generator)) { Scheduler = new StepLR(optimizer, 2, 0.5), EarlyStopping = new(3, 0.5), MaxGradientNorm = 0.5 };
        }

        static byte[] Saved()
        {
            var trainer = Build();
            trainer.Fit(1);
            using var stream = new MemoryStream();
            trainer.SaveCheckpoint(stream);
            return stream.ToArray();
        }
    }

    private static readonly Action[] Refusals =
    [
        () => new Linear<double>(3, -2), () => new Embedding<double>(3, -2), () => new Embedding<double>(3, 2, -7), () => new LayerNorm<double>(-1), () => new LayerNorm<double>(3, -0.5),
        () => new RMSNorm<double>(-1), () => new BatchNorm1d<double>(-1), () => new BatchNorm1d<double>(3, -1.5), () => new PReLU<double>(-1), () => new PReLU<double>(2, double.NaN),
        () => new Dropout<double>(-0.5), () => new Hardtanh<double>(2.5, -1.5), () => new Softplus<double>(-0.5), () => new HuberLoss<double>(delta: -0.5), () => new SmoothL1Loss<double>(beta: -0.5),
        () => new CrossEntropyLoss<double>(labelSmoothing: -0.5), () => new GELU<double>((GELUApproximation)(-1)), () => new MSELoss<double>((Reduction)(-1)),
        () => new CrossEntropyLoss<double>(ignoreIndex: -7).Forward(Any.Matrix<double>(2, 3, 1), new int[] { -1, 0 }), () => new BCELoss<double>().Forward(Any.Matrix<double>(2, 3, 1), Any.Matrix<double>(2, 3, 1)),
        () => new Embedding<double>(3, 2).Forward(Any.Matrix<double>(2, 1, 1)), () => new Generator(1).Uniform(new double[1], 0.5, -0.5), () => new Generator(1).Normal(new double[1], 0, -0.5),
        () => new Generator(1).Bernoulli(new double[1], -0.5), () => new Generator(1).Permutation(-1), () => new Generator(1).SetState(Enumerable.Repeat((byte)200, 5056).ToArray()),
        () => new SGD<double>(new Linear<double>(2, 2).Parameters, -0.5), () => new SGD<double>(new Linear<double>(2, 2).Parameters, 0.5, momentum: 0.5, dampening: 0.5, nesterov: true),
        () => Everything.Optimizers()[1].LearningRate = double.NegativeInfinity, () => new StepLR(Everything.Optimizers()[0], -1), () => new ExponentialLR(Everything.Optimizers()[0], -0.5),
        () => new LinearLR(Everything.Optimizers()[0], -0.5), () => new ReduceLROnPlateau(Everything.Optimizers()[0], factor: -0.5), () => new EarlyStopping(-1), () => new EarlyStopping(1, -0.5),
        () => new Accuracy<double>(-1), () => new Accuracy<double>().Of(Any.Matrix<double>(2, 3, 1), Any.Matrix<double>(2, 1, 1)), () => new Batches<double>(Runs.Samples<double>(5, 1), -1),
        () => Everything.Schedulers().Last().SetState(new Dictionary<string, double> { ["last_epoch"] = -1.5, ["base_lrs.0"] = -0.5, ["step_size"] = -0.5 }),
        () => NotANumber().Fit(1), () => Runs.Samples<double>(5, 1).Rows(-1), () => Runs.Samples<double>(5, 1).KFold(-2), () => Runs.Samples<double>(5, 1).SplitInOrder(-0.5), () => Runs.Samples<double>(5, 1).SplitInOrder(0.5, -1),
        () => new Samples<double>(Any.Matrix<double>(4, 1, 1), Any.Matrix<double>(4, 1, 2), weights: Any.Matrix<double>(4, 1, 3)), () => new Samples<double>(Any.Matrix<double>(4, 1, 1), Any.Matrix<double>(4, 1, 2)).StratifiedKFold(2),
        () => new Batches<double>(Runs.Samples<double>(2, 1), 1, new Generator(1)) { SamplingWeights = [0.5, -0.5] }, () => _ = new Classes("a")[-1],
        () => Infinite().TryGather(0, out _), () => Infinite().TryGather(-1, out _), () => Infinite(sampleCount: -5), () => Infinite().GetState(-2),
    ];

    private static StreamedBatches<double> Infinite(long? sampleCount = null) => new(() => (IEnumerable<(double[], double[])>)[([double.NegativeInfinity], [0.5])], 1, 1, 1, sampleCount: sampleCount);

    /// <summary>A training whose loss is NaN: the word is the culture's, too.</summary>
    private static Trainer<double> NotANumber()
    {
        var model = new Linear<double>(1, 1);
        model.Weight.Values.Fill(double.NaN);
        return new(model, new MSELoss<double>(), new SGD<double>(model.Parameters), new(Any.Matrix<double>(2, 1, 1), Any.Matrix<double>(2, 1, 2), 2));
    }

    private static IEnumerable<IDescribed> Described() => [.. Everything.Layers, .. Everything.Losses, .. Everything.Metrics, .. Everything.Schedulers()];

    private static string Message(Action refusal)
    {
        var thrown = Record.Exception(refusal);
        thrown.Should().NotBeNull();
        return $"{thrown!.GetType().Name}: {thrown.Message}";
    }

    private static void In(string name, Action action)
    {
        // The last one is as far from the invariant culture as can be.
        var culture = name.Contains(' ', StringComparison.Ordinal) ? (CultureInfo)CultureInfo.InvariantCulture.Clone() : CultureInfo.GetCultureInfo(name);
        if (!culture.IsReadOnly)
        {
            var numbers = culture.NumberFormat;
            (numbers.NegativeSign, numbers.PositiveSign, numbers.NumberDecimalSeparator, numbers.NaNSymbol) = ("minus ", "plus ", "٫", "nobody");
            (numbers.PositiveInfinitySymbol, numbers.NegativeInfinitySymbol) = ("beyond", "below");
        }

        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = culture;
            action();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
