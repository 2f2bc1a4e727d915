using CsCheck;
using Backprop.Tests;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Explain.Tests;

public class NetworkTextTests
{
    [Theory]
    [InlineData("1-1-1 sigmoid mse", "Sequential(hidden: Linear(1 -> 1), activation: Sigmoid(), output: Linear(1 -> 1))", "MSELoss()")]
    [InlineData("2-1 bcewithlogits", "Sequential(output: Linear(2 -> 1))", "BCEWithLogitsLoss()")]
    [InlineData("2-4-1 mse", "Sequential(hidden: Linear(2 -> 4), output: Linear(4 -> 1))", "MSELoss()")]
    [InlineData("2-8-4-3 leakyrelu(0.2) crossentropy", "Sequential(hidden1: Linear(2 -> 8), activation1: LeakyReLU(0.2), hidden2: Linear(8 -> 4), activation2: LeakyReLU(0.2), output: Linear(4 -> 3))", "CrossEntropyLoss()")]
    [InlineData("2 linear(8) layernorm relu dropout(0.2) residual(linear(8) tanh) linear(1) sigmoid bce",
        "Sequential(0: Linear(2 -> 8), 1: LayerNorm(8), 2: ReLU(), 3: Dropout(0.2), 4: Residual(Sequential(0: Linear(8 -> 8), 1: Tanh())), 5: Linear(8 -> 1), 6: Sigmoid())", "BCELoss()")]
    [InlineData("3 mse", "Sequential()", "MSELoss()")]
    public void A_text_is_a_network_and_the_network_is_the_text(string text, string model, string loss)
    {
        var network = NetworkText.Parse<double>(text);

        network.Model.ToString().Should().Be(model);
        network.Loss.ToString().Should().Be(loss);
        network.ToString().Should().Be(text);
    }

    /// <summary>Each word of the catalogue with settings that are not the usual ones, and what the library calls it.</summary>
    public static TheoryData<string, string> EveryLayer => new()
    {
        { "linear(4)", "Linear(3 -> 4)" }, { "linear(4, bias: false)", "Linear(3 -> 4, no bias)" }, { "sigmoid", "Sigmoid()" }, { "tanh", "Tanh()" }, { "relu", "ReLU()" },
        { "leakyrelu(-0.5)", "LeakyReLU(-0.5)" }, { "prelu", "PReLU(1)" }, { "prelu(3, -0.5)", "PReLU(3)" }, { "elu(0.5)", "ELU(0.5)" }, { "selu", "SELU()" }, { "celu(0.5)", "CELU(0.5)" },
        { "gelu", "GELU()" }, { "gelu(tanh)", "GELU(Tanh)" }, { "silu", "SiLU()" }, { "mish", "Mish()" }, { "softplus(0.5, 10.5)", "Softplus(0.5, 10.5)" }, { "softplus(threshold: 10.5)", "Softplus(1, 10.5)" },
        { "softsign", "Softsign()" }, { "logsigmoid", "LogSigmoid()" }, { "hardtanh(-1.5, 2.5)", "Hardtanh(-1.5, 2.5)" }, { "relu6", "ReLU6()" }, { "hardsigmoid", "Hardsigmoid()" },
        { "hardswish", "Hardswish()" }, { "softshrink(0.25)", "Softshrink(0.25)" }, { "hardshrink(0.25)", "Hardshrink(0.25)" }, { "tanhshrink", "Tanhshrink()" }, { "softmax", "Softmax()" },
        { "logsoftmax", "LogSoftmax()" }, { "layernorm", "LayerNorm(3)" }, { "layernorm(0.0015, bias: false)", "LayerNorm(3, epsilon 0.0015, no bias)" },
        { "layernorm(elementwiseAffine: false)", "LayerNorm(3, not affine)" }, { "rmsnorm(0.0015, elementwiseAffine: false)", "RMSNorm(3, epsilon 0.0015, not affine)" }, { "rmsnorm", "RMSNorm(3)" },
        { "batchnorm", "BatchNorm1d(3)" }, { "batchnorm(0.0015, 0.25, affine: false, trackRunningStats: false)", "BatchNorm1d(3, epsilon 0.0015, momentum 0.25, not affine, no running statistics)" },
        { "batchnorm(momentum: none)", "BatchNorm1d(3, cumulative average)" }, { "dropout(0.25)", "Dropout(0.25)" }, { "embedding(5, 2)", "Embedding(5, 2)" }, { "embedding(5, 2, -2)", "Embedding(5, 2, padding 3)" },
        { "residual(linear(3))", "Residual(Linear(3 -> 3))" }, { "residual(linear(5) tanh linear(3))", "Residual(Sequential(0: Linear(3 -> 5), 1: Tanh(), 2: Linear(5 -> 3)))" }, { "residual(a:tanh)", "Residual(Sequential(a: Tanh()))" },
        { "identity", "Identity()" }, { "sequential(a:leakyrelu(-0.5) tanh)", "Sequential(a: LeakyReLU(-0.5), 1: Tanh())" }, { "sequential()", "Sequential()" }, { "columns(1, 2)", "Columns(1, 2)" },
        { "concat(a:linear(2) b:columns(0, 1))", "Concat(a: Linear(3 -> 2), b: Columns(0, 1))" }, { "sum(leakyrelu(-0.5) sequential(linear(3) tanh))", "Sum(0: LeakyReLU(-0.5), 1: Sequential(0: Linear(3 -> 3), 1: Tanh()))" },
        { "standardize(allowConstant: true)", "Standardize(3, allow constant)" }, { "minmaxscale(-1.5, 2.5, allowConstant: true)", "MinMaxScale(3, -1.5 to 2.5, allow constant)" }, { "impute", "Impute(3, mean)" },
        { "impute(constant, -0.5, addIndicator: true)", "Impute(3, constant -0.5, indicator)" }, { "impute(mostFrequent)", "Impute(3, most frequent)" }, { "impute(median)", "Impute(3, median)" },
        { "onehot([0, 3, 0], allowUnknown: true)", "OneHot([0, 3, 0], allow unknown)" },
        { "conv1d(3, 4, 2, padding: 1, bias: false, paddingMode: circular)", "Conv1d(1x3 -> 4, kernel 2, padding 1, Circular, no bias)" }, { "conv2d(1, 3, 4, 1)", "Conv2d(1x1x3 -> 4, kernel 1)" },
        { "conv2d(1, 3, 4, 3, 2, 1, paddingMode: replicate)", "Conv2d(1x1x3 -> 4, kernel 3, stride 2, padding 1, Replicate)" }, { "convtranspose2d(1, 3, 2, 3, 2, 1, 1)", "ConvTranspose2d(1x1x3 -> 2, kernel 3, stride 2, padding 1, output padding 1)" },
        { "maxpool2d(1, 1, 1, 2, ceilMode: true)", "MaxPool2d(3x1x1, kernel 1, stride 2, ceil mode)" }, { "avgpool2d(1, 3, 2, 1, 1, countIncludePad: false)", "AvgPool2d(1x1x3, kernel 2, stride 1, padding 1, without padding in the mean)" },
        { "adaptiveavgpool2d(1, 3, 1, 2)", "AdaptiveAvgPool2d(1x1x3 -> 1x1x2)" }, { "upsample(1, 3, 2, 6, bilinear, alignCorners: true)", "Upsample(1x1x3 -> 1x2x6, Bilinear, corners aligned)" }, { "zeropad2d(1, 3, 1)", "ZeroPad2d(1x1x3, 1)" },
        { "batchnorm2d(1, 3, 0.0015)", "BatchNorm2d(1x1x3, epsilon 0.0015)" }, { "groupnorm(3, 1, 1, affine: false)", "GroupNorm(3, 3x1x1, not affine)" }, { "instancenorm2d(1, 3, affine: true)", "InstanceNorm2d(1x1x3, affine)" },
        { "dropout2d(3, 0.25)", "Dropout2d(3, 0.25)" },
        { "rnn(4, 1)", "RNN(3 -> 4, 1 step)" }, { "rnn(4, 1, 2, relu, bidirectional: true, dropout: 0.25, bias: false)", "RNN(3 -> 4, 1 step, 2 layers, bidirectional, dropout 0.25, no bias, relu)" },
        { "gru(4, 1, bias: false)", "GRU(3 -> 4, 1 step, no bias)" }, { "lstm(4, 1, 2, dropout: 0.25)", "LSTM(3 -> 4, 1 step, 2 layers, dropout 0.25)" }, { "lstm(4, 1, bidirectional: true)", "LSTM(3 -> 4, 1 step, bidirectional)" },
        { "laststep(1)", "LastStep(1)" }, { "meanovertime(1)", "MeanOverTime(1)" }, { "maxovertime(1)", "MaxOverTime(1)" }, { "tosteps(1)", "ToSteps(1)" }, { "torows(1)", "ToRows(1)" },
        { "multiheadattention(1, 2)", "MultiheadAttention(3, 1 heads, 2 steps)" }, { "multiheadattention(3, 2, causal: true, dropout: 0.25, bias: false)", "MultiheadAttention(3, 3 heads, 2 steps, causal, dropout 0.25, no bias)" },
        { "sequential(linear(4) multiheadattention(2, 2, rotaryBase: 100))", "MultiheadAttention(4, 2 heads, 2 steps, rotary 100)" },
        { "scaleddotproductattention(1, 2, causal: true)", "ScaledDotProductAttention(1, 1 heads, 2 steps, causal)" },
        { "sequential(linear(12) scaleddotproductattention(2, 3, dropout: 0.25, rotaryBase: 100))", "ScaledDotProductAttention(4, 2 heads, 3 steps, dropout 0.25, rotary 100)" },
        { "positionalembedding(2)", "PositionalEmbedding(2 steps, 3)" }, { "sinusoidalpositions(2, 100)", "SinusoidalPositions(2 steps, 3, base 100)" },
        { "transformerencoderlayer(3, 2)", "TransformerEncoderLayer(3, 3 heads, 2 steps, 2048, dropout 0.1, ReLU())" },
        { "transformerencoderlayer(1, 2, 5, 0.25, gelu, 0.0015, normFirst: true, causal: true, bias: false)", "TransformerEncoderLayer(3, 1 heads, 2 steps, 5, dropout 0.25, GELU(), norm first, causal, no bias)" },
    };

    [Theory]
    [MemberData(nameof(EveryLayer))]
    public void Every_layer_comes_back_with_its_settings(string text, string layer)
    {
        foreach (var network in new[] { $"3 {text} mse", $"3 first:{text} mse", $"3 tanh sequential({text}) mse" })
        {
            var parsed = NetworkText.Parse<double>(network);
            parsed.ToString().Should().Be(network);
            parsed.Model.ToString().Should().Contain(layer);
            NetworkText.Parse<double>(parsed.InFull).ToString().Should().Be(network);
            NetworkText.Parse<float>(network).Model.ToString().Should().Be(parsed.Model.ToString());
        }
    }

    [Fact]
    public void The_words_are_the_whole_catalogue()
    {
        EveryLayer.Select(row => Word(row.Data.Item1)).Distinct().Should().BeEquivalentTo(NetworkText.Layers);
        var layers = Everything.Layers.Select(Name).Distinct().ToArray();
        layers.Should().HaveCount(NetworkText.Layers.Count);
        EveryLayer.Select(row => row.Data.Item2.Split('(')[0]).Should().Contain(layers);
        EveryLoss.Select(row => Word(row.Data.Item1)).Distinct().Should().BeEquivalentTo(NetworkText.Losses);
        EveryLoss.Select(row => row.Data.Item2.Split('(')[0]).Should().Contain(Everything.Losses.Select(Name));

        static string Word(string text) => text.Split('(')[0];
        static string Name(object layer) => layer.GetType().Name.Split('`')[0];
    }

    [Fact]
    public void Every_words_example_stands_behind_any_number_of_columns()
    {
        foreach (var word in NetworkText.Layers)
            foreach (var columns in new[] { 1, 2, 7 })
                NetworkText.Parse<double>($"{columns} {NetworkText.Example(word, columns)} mse").Layers.Should().ContainSingle().Which.Should().Contain(word);
        FluentActions.Invoking(() => NetworkText.Example("relo", 1)).Should().Throw<ArgumentException>().WithMessage("Example expects a layer's word, but \"relo\" is none; did you mean \"relu\"?*");
    }

    public static TheoryData<string, string> EveryLoss => new()
    {
        { "mse", "MSELoss()" }, { "mse(sum)", "MSELoss(sum)" }, { "l1", "L1Loss()" }, { "l1(sum)", "L1Loss(sum)" }, { "smoothl1(0.5, sum)", "SmoothL1Loss(sum, beta: 0.5)" }, { "huber(0.5)", "HuberLoss(delta: 0.5)" },
        { "huber(reduction: sum)", "HuberLoss(sum)" }, { "bce", "BCELoss()" }, { "bcewithlogits", "BCEWithLogitsLoss()" }, { "bcewithlogits(3)", "BCEWithLogitsLoss(posWeight: [3])" },
        { "bcewithlogits([0.5, 1.5], sum)", "BCEWithLogitsLoss(sum, posWeight: [0.5, 1.5])" }, { "crossentropy", "CrossEntropyLoss()" },
        { "crossentropy([0.5, 1.5], -7, sum, 0.125)", "CrossEntropyLoss(sum, weight: [0.5, 1.5], ignoreIndex: -7, labelSmoothing: 0.125)" }, { "crossentropy(labelSmoothing: 0.125)", "CrossEntropyLoss(labelSmoothing: 0.125)" },
        { "nll([0.5, 1.5], -7)", "NLLLoss(weight: [0.5, 1.5], ignoreIndex: -7)" }, { "nll(reduction: sum)", "NLLLoss(sum)" }, { "kldiv", "KLDivLoss()" }, { "kldiv(sum, logTarget: true)", "KLDivLoss(sum, logTarget)" },
        { "kldiv(batchMean)", "KLDivLoss.BatchMean()" }, { "poissonnll", "PoissonNLLLoss()" }, { "poissonnll(logInput: false, full: true, epsilon: 1E-05, reduction: sum)", "PoissonNLLLoss(sum, logInput: false, full, epsilon: 1E-05)" },
        { "gaussiannll", "GaussianNLLLoss()" }, { "gaussiannll(full: true, epsilon: 0.0015, reduction: sum)", "GaussianNLLLoss(sum, full, epsilon: 0.0015)" },
        { "combined(kind:part(crossentropy(ignoreIndex: -7), 0..3, 0..1, 0.5) price:part(huber(0.5), 3..^0, 1..^0))", "CombinedLoss(kind: 0.5 CrossEntropyLoss(ignoreIndex: -7), price: HuberLoss(delta: 0.5))" },
    };

    [Theory]
    [MemberData(nameof(EveryLoss))]
    public void Every_loss_comes_back_with_its_settings(string text, string loss)
    {
        foreach (var network in new[] { $"4 linear(4) {text}", $"4-4-4 tanh {text}" })
        {
            var parsed = NetworkText.Parse<double>(network);
            parsed.ToString().Should().Be(network);
            parsed.LossText.Should().Be(text);
            parsed.Loss.ToString().Should().Be(loss);
            NetworkText.Parse<double>(parsed.InFull).ToString().Should().Be(network);
            NetworkText.Parse<float>(network).Loss.ToString().Should().Be(loss);
        }
    }

    [Theory]
    [InlineData(" 2-4-1\n  Sigmoid   MSELoss ", "2-4-1 sigmoid mse")]
    [InlineData("2 Linear(out: 8,bias:True) BatchNorm1d(epsilon: 1e-5) mse", "2 linear(8) batchnorm mse")]
    [InlineData("1 leakyrelu(negative_slope: 0.01) dropout(0.5) HuberLoss(delta: 1)", "1 leakyrelu dropout huber")]
    [InlineData("1 0:tanh 1:relu other:tanh mse", "1 tanh relu other:tanh mse")]
    [InlineData("2 hidden:linear(4) activation:sigmoid output:linear(1) mse", "2-4-1 sigmoid mse")]
    [InlineData("2 hidden:linear(4) activation:sigmoid outputs:linear(1) mse", "2 hidden:linear(4) activation:sigmoid outputs:linear(1) mse")]
    [InlineData("2 hidden:linear(4, bias: false) output:linear(1) mse", "2 hidden:linear(4, bias: false) output:linear(1) mse")]
    [InlineData("2 hidden1:linear(4) activation1:tanh hidden2:linear(4) activation2:relu output:linear(1) mse", "2 hidden1:linear(4) activation1:tanh hidden2:linear(4) activation2:relu output:linear(1) mse")]
    [InlineData("1 concat(tanh, relu,identity) mse", "1 concat(tanh relu identity) mse")]
    [InlineData("1 \"a b\":tanh \"q\\\"\\\\\":tanh \"כן\":tanh plain:tanh mse", "1 \"a b\":tanh \"q\\\"\\\\\":tanh \"כן\":tanh plain:tanh mse")]
    [InlineData("4 combined(a:part(mse, ..2, 0..2, 1))", "4 combined(a:part(mse, 0..2, 0..2))")]
    public void What_is_as_usual_is_left_out(string text, string canonical)
    {
        var network = NetworkText.Parse<double>(text);

        network.ToString().Should().Be(canonical);
        NetworkText.Parse<double>(canonical).Model.ToString().Should().Be(network.Model.ToString());
    }

    [Fact]
    public void The_parts_of_the_text_are_there_to_be_changed()
    {
        var network = NetworkText.Parse<double>("2-8-4-1 leakyrelu(0.2) huber(0.5)");

        network.Inputs.Should().Be(2);
        network.Widths.Should().Equal(2, 8, 4, 1);
        network.Layers.Should().Equal("hidden1:linear(8)", "activation1:leakyrelu(0.2)", "hidden2:linear(4)", "activation2:leakyrelu(0.2)", "output:linear(1)");
        network.LossText.Should().Be("huber(0.5)");
        network.InFull.Should().Be("2 hidden1:linear(8) activation1:leakyrelu(0.2) hidden2:linear(4) activation2:leakyrelu(0.2) output:linear(1) huber(0.5)");
        NetworkText.Parse<double>("2 linear(8) mse").Widths.Should().BeNull();
    }

    [Fact]
    public void The_same_seed_gives_the_layers_that_code_gives()
    {
        var (model, loss) = NetworkText.Parse<double>("2 linear(8) dropout(0.2) embedding(3, 2) linear(1) mse", new Generator(7));
        var generator = new Generator(7);
        var twin = new Sequential<double> { new Linear<double>(2, 8, generator: generator), new Dropout<double>(0.2, generator), new Embedding<double>(3, 2, generator: generator), new Linear<double>(16, 1, generator: generator) };

        foreach (var (ours, theirs) in model.Parameters.Zip(twin.Parameters)) ours.Values.ToArray().Should().Equal(theirs.Values.ToArray());
        model.Parameters.Should().HaveSameCount(twin.Parameters);
        model.Generators.Should().ContainSingle().Which.Should().NotBe(Generator.Default);
        loss.Should().BeOfType<MSELoss<double>>();
    }

    [Fact]
    public void The_notebooks_network_gives_the_notebooks_loss()
    {
        var (model, loss) = NetworkText.Parse<double>("1-1-1 sigmoid mse");
        model.Get<Linear<double>>("hidden").Weight.Value[0, 0] = model.Get<Linear<double>>("output").Weight.Value[0, 0] = -0.1;
        model.Get<Linear<double>>("hidden").Bias!.Value[0] = model.Get<Linear<double>>("output").Bias!.Value[0] = 0;
        var x = Matrix<double>.Build.Dense(8, 1, (i, _) => -1 + 2.0 / 7 * i);

        loss.Forward(model.Forward(x), x).Should().BeApproximately(0.42893259384435856, 1e-15);
    }

    [Theory]
    [InlineData("", 0, "A network's text expects the widths of the layers first, such as 2-4-1, or the columns of the input, such as 2, but the text ends, at character 1. Layers: linear, sigmoid,*")]
    [InlineData("relu mse", 0, "*first, such as 2-4-1, or the columns of the input, such as 2, but there is \"relu\", at character 1.")]
    [InlineData("2-0-1 mse", 0, "*but there is \"2-0-1\", at character 1.")]
    [InlineData("2--1 mse", 0, "*but there is \"2--1\", at character 1.")]
    [InlineData("99999999999 mse", 0, "*but there is \"99999999999\", at character 1.")]
    [InlineData("(2) mse", 0, "*but there is \"(\", at character 1.")]
    [InlineData("2-4-1", 5, "A network's text expects a loss as its last word, but it ends, at character 6. Losses: mse, l1, smoothl1, huber, bce, bcewithlogits, crossentropy, nll, kldiv, poissonnll, gaussiannll, combined.")]
    [InlineData("2 linear(8) relu", 16, "*a loss as its last word, but it ends, at character 17.*")]
    [InlineData("2-4-1 sigmoid mse relu", 18, "A network's text expects nothing behind the loss mse, but there is \"relu\", at character 19.")]
    [InlineData("2 linear(8) relo mse", 12, "A network's text expects a layer or a loss, but there is \"relo\", at character 13; did you mean \"relu\"? Layers: linear, * transformerencoderlayer. Losses: mse, * combined.")]
    [InlineData("2 lienar(8) mse", 2, "*there is \"lienar\", at character 3; did you mean \"linear\"?*")]
    [InlineData("2 linear(8) mze", 12, "*there is \"mze\", at character 13; did you mean \"mse\"?*")]
    [InlineData("2 convolution mse", 2, "*there is \"convolution\", at character 3. Layers:*")]
    [InlineData("2 linear mse", 2, "A network's text expects linear to be given out, a whole number, but it is not, at character 3. Settings of linear: out, bias.")]
    [InlineData("2 linear() mse", 2, "*expects linear to be given out, a whole number, but it is not, at character 3.*")]
    [InlineData("2 linear(8.5) mse", 9, "A network's text expects out of linear to be a whole number, but it is \"8.5\", at character 10.")]
    [InlineData("2 linear([8]) mse", 9, "*expects out of linear to be a whole number, but it is \"[\", at character 10.")]
    [InlineData("2 linear(8, bias: maybe) mse", 18, "*expects bias of linear to be true or false, but it is \"maybe\", at character 19.")]
    [InlineData("2 linear(8, bais: true) mse", 12, "A network's text expects a setting of linear, but there is \"bais\", at character 13; did you mean \"bias\"? Settings of linear: out, bias.")]
    [InlineData("2 sigmoid(beta: 1) mse", 10, "*there is \"beta\", at character 11. sigmoid has no settings.")]
    [InlineData("2 sigmoid(1) mse", 10, "A network's text expects no settings for sigmoid, but there is one, at character 11.")]
    [InlineData("2 dropout(0.1, 0.2) mse", 15, "*expects at most 1 setting for dropout, but there are more, at character 16. Settings of dropout: p.")]
    [InlineData("2 linear(8, out: 9) mse", 17, "*expects out of linear once, but it is there twice, at character 18.")]
    [InlineData("2 linear(8 true) mse", 11, "*expects \",\" or \")\" between the settings of linear, but there is \"true\", at character 12.")]
    [InlineData("2 linear(8", 8, "A network's text expects a \")\" for this \"(\", but the text ends, at character 9.")]
    [InlineData("2 linear(8,", 8, "*expects a \")\" for this \"(\", but the text ends, at character 9.")]
    [InlineData("2 linear(out:", 8, "*expects a \")\" for this \"(\", but the text ends, at character 9.")]
    [InlineData("2 residual(tanh", 10, "*expects a \")\" for this \"(\", but the text ends, at character 11.")]
    [InlineData("2 linear(8)) mse", 11, "*expects a layer or a loss, but there is \")\", at character 12.")]
    [InlineData("2 gelu(tonh) mse", 7, "*expects approximate of gelu to be one of none, tanh, but it is \"tonh\", at character 8; did you mean \"tanh\"?")]
    [InlineData("2 batchnorm(momentum: x) mse", 22, "*expects momentum of batchnorm to be a number or none, but it is \"x\", at character 23.")]
    [InlineData("2 embedding(3, 2, 0.5) mse", 18, "*expects paddingIdx of embedding to be a whole number or none, but it is \"0.5\"*")]
    [InlineData("2 dropout(x) mse", 10, "*expects p of dropout to be a number, but it is \"x\"*")]
    [InlineData("1 onehot(3) mse", 9, "A network's text expects classes of onehot to be whole numbers in brackets, such as [0, 3]*")]
    [InlineData("1 onehot([3 0]) mse", 12, "*expects \",\" or \"]\" in a list, but there is \"0\", at character 13.")]
    [InlineData("1 onehot([3", 11, "*expects \",\" or \"]\" in a list, but the text ends, at character 12.")]
    [InlineData("2 crossentropy(heavy)", 15, "*expects weight of crossentropy to be a number, numbers in brackets, such as [1, 2], or none, but it is \"heavy\"*")]
    [InlineData("2 residual mse", 2, "A network's text expects residual to hold at least one layer, but there is none, at character 3.")]
    [InlineData("2 residual(mse) mse", 11, "A network's text expects layers within residual, but \"mse\" is a loss, at character 12.")]
    [InlineData("2 combined", 2, "*expects combined to hold at least one part, but there is none, at character 3.")]
    [InlineData("2 combined(mse)", 11, "*expects parts within combined, such as price:part(mse, 3..4, 1..2), but there is \"mse\", at character 12.")]
    [InlineData("2 combined(a:mse)", 13, "*expects parts within combined, such as price:part(mse, 3..4, 1..2), but there is \"mse\", at character 14.")]
    [InlineData("2 combined(a:part(msi, 0..1, 0..1))", 18, "*expects loss of part to be a loss, but it is \"msi\", at character 19; did you mean \"mse\"? Losses: mse,*")]
    [InlineData("2 combined(a:part(mse, 0-1, 0..1))", 23, "*expects prediction of part to be columns, such as 0..3, but it is \"0-1\", at character 24.")]
    [InlineData("2 combined(a:part(mse, 0..1))", 13, "*expects part to be given target, columns, such as 0..3, but it is not, at character 14.*")]
    [InlineData("2 a:mse", 4, "A network's text expects a loss without a name, but it is \"a\", at character 5.")]
    [InlineData("2 a.b:tanh mse", 2, "*expects a layer's name without a dot, which separates names in paths, but there is \"a.b\", at character 3.")]
    [InlineData("2 \" \":tanh mse", 2, "*expects a layer's name to have letters*")]
    [InlineData("2 \"a:tanh mse", 2, "*expects a second quotation mark behind a name, but it ends, at character 3.")]
    [InlineData("2 a:tanh a:relu mse", 11, "The name \"a\" is taken; names within a layer are different from each other, at character 12.")]
    [InlineData("2 sequential(a:tanh a:relu) mse", 2, "The name \"a\" is taken; names within a layer are different from each other, at character 3.")]
    [InlineData("2 dropout(1.5) mse", 2, "Dropout expects p to be from 0 to 1, but it is 1.5, at character 3.")]
    [InlineData("2 linear(-1) mse", 2, "Linear(2 -> -1) expects outFeatures to be at least 1, at character 3.")]
    [InlineData("2 huber(-1)", 2, "HuberLoss expects delta to be finite and above 0, but it is -1, at character 3.")]
    [InlineData("4 prelu(3) mse", 2, "A network's text expects 3 columns before prelu, but there are 4, at character 3.")]
    [InlineData("2 columns(1, 2) mse", 2, "Columns(1, 2) expects*, at character 3.")]
    [InlineData("2 residual(linear(3)) mse", 2, "Residual(Linear(2 -> 3)) expects f to give as many columns as it gets, but for 2 it gives 3, at character 3.")]
    [InlineData("2 sum(linear(3) tanh) mse", 2, "Sum(0: Linear(2 -> 3), 1: Tanh()) expects*, at character 3.")]
    [InlineData("2-4-1 sigmoid tanh mse", 14, "A network's text expects one activation and a loss behind the widths, but there is more, at character 15. For other layers, write them one by one: 2 linear(4) ... mse. Activations: sigmoid,*")]
    [InlineData("2-4-1 linear(4) mse", 6, "*expects one activation and a loss behind the widths, but there is more, at character 7.*")]
    [InlineData("2-4-1 a:tanh mse", 8, "*expects an activation without a name behind the widths, but it is \"a\", at character 9.")]
    [InlineData("2 100000:linear(100000) linear(100000) mse", 24, "A network's text expects at most 100000000 numbers to learn, but with linear there are 10000400000, at character 25.")]
    public void What_is_wrong_is_said_with_its_place(string text, int position, string message)
    {
        var refusal = FluentActions.Invoking(() => NetworkText.Parse<double>(text)).Should().Throw<NetworkTextException>().WithMessage(message).Which;

        refusal.Position.Should().Be(position);
        FluentActions.Invoking(() => NetworkText.Parse<float>(text)).Should().Throw<NetworkTextException>().WithMessage(message);
    }

    [Fact]
    public void Nesting_without_end_is_refused()
    {
        var deep = $"2 {string.Concat(Enumerable.Repeat("sequential(", 900))}";

        FluentActions.Invoking(() => NetworkText.Parse<double>(deep)).Should().Throw<NetworkTextException>().WithMessage("A network's text expects at most 50 levels of parentheses, but there are more, at character *");
        FluentActions.Invoking(() => NetworkText.Parse<double>($"2 {string.Concat(Enumerable.Repeat("relu ", 40_000))} mse")).Should().Throw<NetworkTextException>().WithMessage("A network's text expects at most 10000 characters, but there are 200006*");
        NetworkText.Parse<double>($"2 {string.Concat(Enumerable.Repeat("sequential(", 50))}tanh{new string(')', 50)} mse").Model.Children.Should().ContainSingle();
    }

    [Fact]
    public void So_many_parameters_as_one_wants_at_most()
    {
        NetworkText.Parse<double>("2-4-1 mse", mostParameters: 17).Model.Parameters.Sum(parameter => parameter.Count).Should().Be(17);
        FluentActions.Invoking(() => NetworkText.Parse<double>("2-4-1 mse", mostParameters: 16)).Should().Throw<NetworkTextException>().WithMessage("*at most 16 numbers to learn, but with linear there are 17*");
    }

    [Fact]
    public void Any_text_is_a_network_or_is_refused_with_a_place()
    {
        string[] pieces = ["2", "2-4-1", "(", ")", "[", "]", ",", ":", "linear", "(4)", "tanh", "mse", "residual(", "bias", "true", "0..1", "\"", "\\", "dropout(0.1)", "part", "combined(", "a:", " ", "\u0000", "-1", "1e400", "NaN"];
        Gen.Int[0, pieces.Length - 1].Array[0, 12].ForAll(picked =>
        {
            var text = string.Join(picked.Length % 2 == 0 ? " " : "", picked.Select(piece => pieces[piece]));
            try
            {
                var canonical = NetworkText.Parse<double>(text, mostParameters: 1000).ToString();
                NetworkText.Parse<double>(canonical).ToString().Should().Be(canonical);
            }
            catch (NetworkTextException refusal)
            {
                refusal.Position.Should().BeInRange(0, text.Length);
            }
        }, count: 5000);
    }
}
