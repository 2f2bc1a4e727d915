using System.Numerics;

namespace Backprop.Explain;

/// <summary>The words for layers and losses: a table, so that nothing is looked for by its type's name.</summary>
internal static class Words<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Setting Epsilon = Setting.Number("epsilon", 1e-5);
    private static readonly Setting Reduced = Setting.Choice("reduction", "mean", "sum");
    private static readonly Setting Weight = new("weight", SettingKind.NumbersOrNone), Ignored = Setting.Integer("ignoreIndex", -100);

    private static readonly Setting Steps = Setting.Required("steps", SettingKind.Integer);
    private static readonly Setting[] Recurrent = [Setting.Required("hiddenSize", SettingKind.Integer), Steps, Setting.Integer("numLayers", 1)];
    private static readonly Setting[] RecurrentOptions = [Setting.Flag("bidirectional", false), Setting.Number("dropout", 0), Setting.Flag("bias", true)];

    // A table of positions is counted as if it were learned: it takes as much room.
    private static readonly Setting Heads = Setting.Required("numHeads", SettingKind.Integer), MaxSteps = Setting.Required("maxSteps", SettingKind.Integer), Causal = Setting.Flag("causal", false);
    private static readonly Setting RotaryBase = new("rotaryBase", SettingKind.NumberOrNone);

    // An image's channels are what its height and width leave of the columns.
    private static readonly Setting Height = Setting.Required("height", SettingKind.Integer), Width = Setting.Required("width", SettingKind.Integer);
    private static readonly Setting[] OutputSize = [Setting.Required("outHeight", SettingKind.Integer), Setting.Required("outWidth", SettingKind.Integer)];
    private static readonly Setting Kernel = Setting.Required("kernelSize", SettingKind.Integer), Stride = Setting.Integer("stride", 1), StrideOrNone = new("stride", SettingKind.IntegerOrNone);
    private static readonly Setting Padding = Setting.Integer("padding", 0), Dilation = Setting.Integer("dilation", 1), Groups = Setting.Integer("groups", 1);
    private static readonly Setting PaddedBy = Setting.Choice("paddingMode", "zeros", "reflect", "replicate", "circular");

    public static readonly PartWord Part = new();

    public static readonly LayerWord<T>[] Layers =
    [
        new("linear", [Setting.Required("out", SettingKind.Integer), Setting.Flag("bias", true)], (item, columns, generator) => new Linear<T>(columns, item.Integer(0), item.Flag(1), generator),
            (item, columns) => (columns + 1L) * item.Integer(0)),
        Activation("sigmoid", [], _ => new Sigmoid<T>()),
        Activation("tanh", [], _ => new Tanh<T>()),
        Activation("relu", [], _ => new ReLU<T>()),
        Activation("leakyrelu", [Setting.Number("negativeSlope", 0.01)], item => new LeakyReLU<T>(item.Number(0))),
        new("prelu", [Setting.Integer("numParameters", 1), Setting.Number("init", 0.25)], (item, _, _) => new PReLU<T>(item.Integer(0), item.Number(1)), (item, _) => item.Integer(0), IsActivation: true),
        Activation("elu", [Setting.Number("alpha", 1)], item => new ELU<T>(item.Number(0))),
        Activation("selu", [], _ => new SELU<T>()),
        Activation("celu", [Setting.Number("alpha", 1)], item => new CELU<T>(item.Number(0))),
        Activation("gelu", [Setting.Choice("approximate", "none", "tanh")], item => new GELU<T>(item.Choice(0) == "tanh" ? GELUApproximation.Tanh : GELUApproximation.None)),
        Activation("silu", [], _ => new SiLU<T>()),
        Activation("mish", [], _ => new Mish<T>()),
        Activation("softplus", [Setting.Number("beta", 1), Setting.Number("threshold", 20)], item => new Softplus<T>(item.Number(0), item.Number(1))),
        Activation("softsign", [], _ => new Softsign<T>()),
        Activation("logsigmoid", [], _ => new LogSigmoid<T>()),
        Activation("hardtanh", [Setting.Number("minVal", -1), Setting.Number("maxVal", 1)], item => new Hardtanh<T>(item.Number(0), item.Number(1))),
        Activation("relu6", [], _ => new ReLU6<T>()),
        Activation("hardsigmoid", [], _ => new Hardsigmoid<T>()),
        Activation("hardswish", [], _ => new Hardswish<T>()),
        Activation("softshrink", [Setting.Number("lambda", 0.5)], item => new Softshrink<T>(item.Number(0))),
        Activation("hardshrink", [Setting.Number("lambda", 0.5)], item => new Hardshrink<T>(item.Number(0))),
        Activation("tanhshrink", [], _ => new Tanhshrink<T>()),
        Activation("softmax", [], _ => new Softmax<T>()),
        Activation("logsoftmax", [], _ => new LogSoftmax<T>()),
        new("layernorm", [Epsilon, Setting.Flag("elementwiseAffine", true), Setting.Flag("bias", true)], (item, columns, _) => new LayerNorm<T>(columns, item.Number(0), item.Flag(1), item.Flag(2)), Columns(2)),
        new("rmsnorm", [new("epsilon", SettingKind.NumberOrNone), Setting.Flag("elementwiseAffine", true)], (item, columns, _) => new RMSNorm<T>(columns, item.NumberOrNone(0), item.Flag(1)), Columns(1)),
        new("batchnorm", [Epsilon, new("momentum", SettingKind.NumberOrNone, 0.1), Setting.Flag("affine", true), Setting.Flag("trackRunningStats", true)],
            (item, columns, _) => new BatchNorm1d<T>(columns, item.Number(0), item.NumberOrNone(1), item.Flag(2), item.Flag(3)), Columns(4)),
        new("dropout", [Setting.Number("p", 0.5)], (item, _, generator) => new Dropout<T>(item.Number(0), generator)),
        new("embedding", [Setting.Required("numEmbeddings", SettingKind.Integer), Setting.Required("embeddingDim", SettingKind.Integer), new("paddingIdx", SettingKind.IntegerOrNone)],
            (item, _, generator) => new Embedding<T>(item.Integer(0), item.Integer(1), item.IntegerOrNone(2), generator), (item, _) => (long)item.Integer(0) * item.Integer(1)),
        Container("residual", layers => new Residual<T>(layers is [(null, var only)] ? only : Sequence(layers))),
        Activation("identity", [], _ => new Identity<T>()),
        Container("sequential", Sequence),
        new("columns", [Setting.Required("start", SettingKind.Integer), Setting.Required("count", SettingKind.Integer)], (item, _, _) => new Columns<T>(item.Integer(0), item.Integer(1))),
        Container("concat", layers => Branches(new Concat<T>(), layers)),
        Container("sum", layers => Branches(new Sum<T>(), layers)),
        new("standardize", [Setting.Flag("allowConstant", false)], (item, columns, _) => new Standardize<T>(columns, item.Flag(0)), Columns(2)),
        new("minmaxscale", [Setting.Number("min", 0), Setting.Number("max", 1), Setting.Flag("allowConstant", false)],
            (item, columns, _) => new MinMaxScale<T>(columns, item.Number(0), item.Number(1), item.Flag(2)), Columns(2)),
        new("impute", [Setting.Choice("strategy", "mean", "median", "mostFrequent", "constant"), Setting.Number("fillValue", 0), Setting.Flag("addIndicator", false)],
            (item, columns, _) => new Impute<T>(columns, item.Choice(0) switch
            {
                "mean" => ImputeStrategy.Mean,
                "median" => ImputeStrategy.Median,
                "mostFrequent" => ImputeStrategy.MostFrequent,
                _ => ImputeStrategy.Constant,
            }, item.Number(1), item.Flag(2)), Columns(1)),
        new("onehot", [Setting.Required("classes", SettingKind.Integers), Setting.Flag("allowUnknown", false)], (item, _, _) => new OneHot<T>((int[])item.Values[0]!, item.Flag(1))),
        new("rnn", [.. Recurrent, Setting.Choice("nonlinearity", "tanh", "relu"), .. RecurrentOptions], (item, columns, generator) =>
            new RNN<T>(columns, item.Integer(0), item.Integer(1), item.Integer(2), item.Choice(3) == "relu" ? RecurrentNonlinearity.ReLU : RecurrentNonlinearity.Tanh, item.Flag(4), item.Number(5), item.Flag(6), generator),
            (item, columns) => RecurrentParameters(1, item, columns, item.Flag(4))),
        new("gru", [.. Recurrent, .. RecurrentOptions], (item, columns, generator) => new GRU<T>(columns, item.Integer(0), item.Integer(1), item.Integer(2), item.Flag(3), item.Number(4), item.Flag(5), generator),
            (item, columns) => RecurrentParameters(3, item, columns, item.Flag(3))),
        new("lstm", [.. Recurrent, .. RecurrentOptions], (item, columns, generator) => new LSTM<T>(columns, item.Integer(0), item.Integer(1), item.Integer(2), item.Flag(3), item.Number(4), item.Flag(5), generator),
            (item, columns) => RecurrentParameters(4, item, columns, item.Flag(3))),
        new("conv1d", [Setting.Required("length", SettingKind.Integer), Setting.Required("outChannels", SettingKind.Integer), Kernel, Stride, Padding, Dilation, Groups, Setting.Flag("bias", true), PaddedBy],
            (item, columns, generator) => new Conv1d<T>(
                Image(item, columns, 1, item.Integer(0)).Channels, item.Integer(0), item.Integer(1), item.Integer(2), item.Integer(3), item.Integer(4), item.Integer(5), item.Integer(6), item.Flag(7), PaddingModeOf(item, 8), generator),
            (item, columns) => Weights(item.Integer(1), columns, item.Integer(2), item.Integer(0))),
        new("conv2d", [Height, Width, Setting.Required("outChannels", SettingKind.Integer), Kernel, Stride, Padding, Dilation, Groups, Setting.Flag("bias", true), PaddedBy],
            (item, columns, generator) => new Conv2d<T>(
                Image(item, columns), item.Integer(2), item.Integer(3), item.Integer(4), item.Integer(5), item.Integer(6), item.Integer(7), item.Flag(8), PaddingModeOf(item, 9), generator),
            (item, columns) => Weights(item.Integer(2), columns, (double)item.Integer(3) * item.Integer(3), (double)item.Integer(0) * item.Integer(1))),
        new("convtranspose2d", [Height, Width, Setting.Required("outChannels", SettingKind.Integer), Kernel, Stride, Padding, Setting.Integer("outputPadding", 0), Groups, Setting.Flag("bias", true), Dilation],
            (item, columns, generator) => new ConvTranspose2d<T>(
                Image(item, columns), item.Integer(2), item.Integer(3), item.Integer(4), item.Integer(5), item.Integer(6), item.Integer(7), item.Flag(8), item.Integer(9), generator),
            (item, columns) => Weights(item.Integer(2), columns, (double)item.Integer(3) * item.Integer(3), (double)item.Integer(0) * item.Integer(1))),
        new("maxpool2d", [Height, Width, Kernel, StrideOrNone, Padding, Dilation, Setting.Flag("ceilMode", false)],
            (item, columns, _) => new MaxPool2d<T>(Image(item, columns), item.Integer(2), item.IntegerOrNone(3), item.Integer(4), item.Integer(5), item.Flag(6))),
        new("avgpool2d", [Height, Width, Kernel, StrideOrNone, Padding, Setting.Flag("ceilMode", false), Setting.Flag("countIncludePad", true), new("divisorOverride", SettingKind.IntegerOrNone)],
            (item, columns, _) => new AvgPool2d<T>(Image(item, columns), item.Integer(2), item.IntegerOrNone(3), item.Integer(4), item.Flag(5), item.Flag(6), item.IntegerOrNone(7))),
        new("adaptiveavgpool2d", [Height, Width, .. OutputSize], (item, columns, _) => new AdaptiveAvgPool2d<T>(Image(item, columns), (item.Integer(2), item.Integer(3)))),
        new("upsample", [Height, Width, .. OutputSize, Setting.Choice("mode", "nearest", "bilinear"), Setting.Flag("alignCorners", false)],
            (item, columns, _) => new Upsample<T>(Image(item, columns), (item.Integer(2), item.Integer(3)), item.Choice(4) == "bilinear" ? UpsampleMode.Bilinear : UpsampleMode.Nearest, item.Flag(5))),
        new("zeropad2d", [Height, Width, Setting.Required("padding", SettingKind.Integer)], (item, columns, _) => new ZeroPad2d<T>(Image(item, columns), item.Integer(2))),
        new("batchnorm2d", [Height, Width, Epsilon, new("momentum", SettingKind.NumberOrNone, 0.1), Setting.Flag("affine", true), Setting.Flag("trackRunningStats", true)],
            (item, columns, _) => new BatchNorm2d<T>(Image(item, columns), item.Number(2), item.NumberOrNone(3), item.Flag(4), item.Flag(5)), Columns(4)),
        new("groupnorm", [Setting.Required("numGroups", SettingKind.Integer), Height, Width, Epsilon, Setting.Flag("affine", true)],
            (item, columns, _) => new GroupNorm<T>(item.Integer(0), Image(item, columns, item.Integer(1), item.Integer(2)), item.Number(3), item.Flag(4)), Columns(2)),
        new("instancenorm2d", [Height, Width, Epsilon, Setting.Number("momentum", 0.1), Setting.Flag("affine", false), Setting.Flag("trackRunningStats", false)],
            (item, columns, _) => new InstanceNorm2d<T>(Image(item, columns), item.Number(2), item.Number(3), item.Flag(4), item.Flag(5)), Columns(4)),
        new("dropout2d", [Setting.Required("channels", SettingKind.Integer), Setting.Number("p", 0.5)], (item, _, generator) => new Dropout2d<T>(item.Integer(0), item.Number(1), generator)),
        new("laststep", [Steps], (item, _, _) => new LastStep<T>(item.Integer(0))),
        new("meanovertime", [Steps], (item, _, _) => new MeanOverTime<T>(item.Integer(0))),
        new("maxovertime", [Steps], (item, _, _) => new MaxOverTime<T>(item.Integer(0))),
        new("tosteps", [Steps], (item, _, _) => new ToSteps<T>(item.Integer(0))),
        new("torows", [Steps], (item, _, _) => new ToRows<T>(item.Integer(0))),
        new("multiheadattention", [Heads, MaxSteps, Causal, Setting.Number("dropout", 0), Setting.Flag("bias", true), RotaryBase], (item, columns, generator) =>
            new MultiheadAttention<T>(columns, item.Integer(0), item.Integer(1), item.Flag(2), item.Number(3), item.Flag(4), item.NumberOrNone(5), generator),
            (item, columns) => AttentionParameters(item, columns, item.Integer(1), item.NumberOrNone(5))),
        new("scaleddotproductattention", [Heads, MaxSteps, Causal, Setting.Number("dropout", 0), RotaryBase], (item, columns, generator) => columns % 3 == 0
            ? new ScaledDotProductAttention<T>(columns / 3, item.Integer(0), item.Integer(1), item.Flag(2), item.Number(3), item.NumberOrNone(4), generator)
            : throw new ArgumentException($"{item.Word.Name} expects columns that are queries, keys and values, a third each, but there are {Signature.Number(columns)}."),
            (item, columns) => Table(item.Integer(1), columns, item.NumberOrNone(4))),
        new("positionalembedding", [MaxSteps], (item, columns, generator) => new PositionalEmbedding<T>(item.Integer(0), columns, generator), (item, columns) => Bounded((double)item.Integer(0) * columns)),
        new("sinusoidalpositions", [MaxSteps, Setting.Number("waveBase", 10000)], (item, columns, _) => new SinusoidalPositions<T>(item.Integer(0), columns, item.Number(1)), (item, columns) => Bounded((double)item.Integer(0) * columns)),
        new("transformerencoderlayer",
            [Heads, MaxSteps, Setting.Integer("feedforwardDim", 2048), Setting.Number("dropout", 0.1), Setting.Choice("activation", "relu", "gelu"), Epsilon, Setting.Flag("normFirst", false), Causal, Setting.Flag("bias", true), RotaryBase],
            (item, columns, generator) => new TransformerEncoderLayer<T>(columns, item.Integer(0), item.Integer(1), item.Integer(2), item.Number(3), item.Choice(4) == "gelu" ? new GELU<T>() : new ReLU<T>(),
                item.Number(5), item.Flag(6), item.Flag(7), item.Flag(8), item.NumberOrNone(9), generator),
            (item, columns) => Bounded(AttentionParameters(item, columns, item.Integer(1), item.NumberOrNone(9)) + (2.0 * columns + 1) * item.Integer(2) + 5.0 * columns)),
    ];

    public static readonly LossWord<T>[] Losses =
    [
        new("mse", [Reduced], item => new MSELoss<T>(Reduction(item, 0))),
        new("l1", [Reduced], item => new L1Loss<T>(Reduction(item, 0))),
        new("smoothl1", [Setting.Number("beta", 1), Reduced], item => new SmoothL1Loss<T>(Reduction(item, 1), item.Number(0))),
        new("huber", [Setting.Number("delta", 1), Reduced], item => new HuberLoss<T>(Reduction(item, 1), item.Number(0))),
        new("bce", [Reduced], item => new BCELoss<T>(Reduction(item, 0))),
        new("bcewithlogits", [new("posWeight", SettingKind.NumbersOrNone), Reduced], item => new BCEWithLogitsLoss<T>(Reduction(item, 1), Weights(item, 0))),
        new("crossentropy", [Weight, Ignored, Reduced, Setting.Number("labelSmoothing", 0)], item => new CrossEntropyLoss<T>(Weights(item, 0), item.Integer(1), Reduction(item, 2), item.Number(3))),
        new("nll", [Weight, Ignored, Reduced], item => new NLLLoss<T>(Weights(item, 0), item.Integer(1), Reduction(item, 2))),
        new("kldiv", [Setting.Choice("reduction", "mean", "sum", "batchMean"), Setting.Flag("logTarget", false)],
            item => item.Choice(0) == "batchMean" ? KLDivLoss<T>.BatchMean(item.Flag(1)) : new KLDivLoss<T>(Reduction(item, 0), item.Flag(1))),
        new("poissonnll", [Setting.Flag("logInput", true), Setting.Flag("full", false), Setting.Number("epsilon", 1e-8), Reduced],
            item => new PoissonNLLLoss<T>(item.Flag(0), item.Flag(1), item.Number(2), Reduction(item, 3))),
        new("gaussiannll", [Setting.Flag("full", false), Setting.Number("epsilon", 1e-6), Reduced], item => new GaussianNLLLoss<T>(item.Flag(0), item.Number(1), Reduction(item, 2))),
        new("combined", [], item => new CombinedLoss<T>([.. item.Items.Select(part => new LossPart<T>(part.Name!, Loss((Item)part.Values[0]!), (Range)part.Values[1]!, (Range)part.Values[2]!, part.Number(3)))]), HasItems: true),
    ];

    private static readonly Dictionary<string, LayerWord<T>> LayersByName = Layers.ToDictionary(word => word.Name);
    private static readonly Dictionary<string, LossWord<T>> LossesByName = Losses.ToDictionary(word => word.Name);

    /// <summary>The layer of this word, whatever the case; null where there is none. The type's own name does as well.</summary>
    public static LayerWord<T>? Layer(string word) => LayersByName.GetValueOrDefault(Normal(word) is "batchnorm1d" ? "batchnorm" : Normal(word));

    /// <summary>The loss of this word, whatever the case; null where there is none. The type's own name does as well.</summary>
    public static LossWord<T>? Loss(string word) => LossesByName.GetValueOrDefault(Normal(word) is var name && name.EndsWith("loss", StringComparison.Ordinal) ? name[..^4] : name);

    public static Loss<T> Loss(Item item)
    {
        try
        {
            return ((LossWord<T>)item.Word).Make(item);
        }
        catch (ArgumentException refusal)
        {
            throw NetworkBuilder<T>.Refused(item, refusal);
        }
    }

    private static string Normal(string word) => word.ToLowerInvariant().Replace("_", "", StringComparison.Ordinal);

    private static LayerWord<T> Activation(string name, Setting[] settings, Func<Item, Layer<T>> make) => new(name, settings, (item, _, _) => make(item), IsActivation: true);

    private static LayerWord<T> Container(string name, Func<List<(string? Name, Layer<T> Layer)>, Layer<T>> make) => new(name, [], (_, _, _) => new Identity<T>(), Container: make);

    // As many as with biases; a number beyond what a long holds (Bounded) is beyond any limit.
    private static long RecurrentParameters(int gates, Item item, int columns, bool bidirectional)
    {
        double hidden = item.Integer(0), layers = item.Integer(2), directions = bidirectional ? 2 : 1;
        return Bounded(directions * gates * hidden * (columns + hidden + 2 + (layers - 1) * (directions * hidden + hidden + 2)));
    }

    private static long AttentionParameters(Item item, double columns, int steps, double? rotaryBase) => Bounded(4 * columns * (columns + 1) + Table(steps, columns / Math.Max(item.Integer(0), 1), rotaryBase));

    private static long Table(double steps, double columns, double? rotaryBase) => rotaryBase is null ? 0 : Bounded(steps * columns);

    private static long Bounded(double count) => count >= 0 ? (long)Math.Min(count, long.MaxValue / 2) : 0;

    private static ImageShape Image(Item item, int columns) => Image(item, columns, item.Integer(0), item.Integer(1));

    private static ImageShape Image(Item item, int columns, int height, int width) => height > 0 && width > 0 && (long)height * width <= columns && columns % (height * width) == 0
        ? new(columns / (height * width), height, width)
        : throw new ArgumentException($"{item.Word.Name} expects columns that are images of {Signature.Number(height)}x{Signature.Number(width)}, but there are {Signature.Number(columns)}.");

    private static PaddingMode PaddingModeOf(Item item, int index) => item.Choice(index) switch
    {
        "reflect" => PaddingMode.Reflect,
        "replicate" => PaddingMode.Replicate,
        "circular" => PaddingMode.Circular,
        _ => PaddingMode.Zeros,
    };

    // As if there were one group.
    private static long Weights(double outChannels, double columns, double kernel, double pixels) => Bounded(outChannels * (columns / Math.Max(pixels, 1) * kernel + 1));

    private static Func<Item, int, long> Columns(int count) => (_, columns) => (long)columns * count;

    private static Sequential<T> Sequence(List<(string? Name, Layer<T> Layer)> layers)
    {
        var sequence = new Sequential<T>();
        foreach (var (name, layer) in layers)
            if (name is null) sequence.Add(layer);
            else sequence.Add(name, layer);
        return sequence;
    }

    private static Branches<T> Branches(Branches<T> branches, List<(string? Name, Layer<T> Layer)> layers)
    {
        foreach (var (name, layer) in layers)
            if (name is null) branches.Add(layer);
            else branches.Add(name, layer);
        return branches;
    }

    private static Reduction Reduction(Item item, int setting) => item.Choice(setting) == "sum" ? Backprop.Reduction.Sum : Backprop.Reduction.Mean;

    private static MathNet.Numerics.LinearAlgebra.Vector<T>? Weights(Item item, int setting) => item.Values[setting] switch
    {
        double one => MathNet.Numerics.LinearAlgebra.Vector<T>.Build.Dense(1, T.CreateSaturating(one)),
        double[] several => MathNet.Numerics.LinearAlgebra.Vector<T>.Build.Dense([.. several.Select(T.CreateSaturating)]),
        _ => null,
    };
}
