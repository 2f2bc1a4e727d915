using Backprop.Tests;
using FluentAssertions;
using FluentAssertions.Execution;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Explain.Tests;

public sealed class CatalogueTests
{
    private static readonly Layer<double>[] Layers = [.. Everything.Layers, new PReLU<double>(3, -0.5), new LayerNorm<double>(3, bias: false), new LayerNorm<double>(3, elementwiseAffine: false), new RMSNorm<double>(3, elementwiseAffine: false),
        new BatchNorm1d<double>(3, trackRunningStats: false), new Dropout<double>(1), new Softplus<double>(), new SmallNest(),
        new Dropout<double>(0.25, new(5)), new Dropout2d<double>(3, 0.25, new(5)), new MultiheadAttention<double>(4, 2, 5, dropout: 0.25, generator: new(5)), new TransformerEncoderLayer<double>(4, 2, 5, 6, 0.25, generator: new(5))];

    public static TheoryData<int, bool> EachLayer()
    {
        var data = new TheoryData<int, bool>();
        for (var i = 0; i < Layers.Length; i++)
            foreach (var training in new[] { true, false }) data.Add(i, training);
        return data;
    }

    public static TheoryData<int> EachLoss()
    {
        var data = new TheoryData<int>();
        for (var i = 0; i < Everything.Losses.Length; i++) data.Add(i);
        return data;
    }

    [Theory]
    [MemberData(nameof(EachLayer))]
    public void Factors_and_terms_of_every_layer_give_the_gradients_of_the_library_in_any_network(int index, bool training)
    {
        var layer = Layers[index];
        foreach (var rows in new[] { 5, 2 })
        {
            var x = InputOf(layer, rows);
            var network = Around(layer, x);
            var target = Some.Normal(rows, 2, 8);
            var explained = Explanation.Of(network, new MSELoss<double>(), x, target, new() { Training = training });
            var byThemselves = Explanation.Of(network, new MSELoss<double>(), x, target, new() { Training = training }, []);

            // A layer that computes before its first child, and that nobody explains: what comes in there has a number, and nothing that it is made of.
            RequireNumbers(explained, layer is not SmallNest);
            RequireNumbers(byThemselves, false);
            foreach (var (_, parameter) in network.NamedParameters().Where(named => !named.Parameter.Frozen)) parameter.ZeroGradient();
        }
    }

    [Theory]
    [MemberData(nameof(EachLayer))]
    public void The_gradients_that_are_explained_are_those_of_a_pass_by_hand(int index, bool training)
    {
        var layer = Layers[index];
        var x = InputOf(layer, 5);
        var network = Around(layer, x);
        var (loss, target) = (new MSELoss<double>(), Some.Normal(5, 2, 8));
        if (layer.Generators.Contains(Generator.Default)) training = false;      // from which tests beside this one draw: the mask would be another

        var explained = Explanation.Of(network, loss, x, target, new() { Training = training });

        var pass = network.NewPass(training);
        var y = network.Forward(x, pass);
        foreach (var parameter in network.Parameters) parameter.ZeroGradient();
        var dX = network.Backward(pass, loss.Backward(y, target));
        foreach (var (name, parameter) in network.NamedParameters())
        {
            var gradient = explained[$"{name}.grad"];
            for (var e = 0; e < parameter.Count; e++) gradient.ValueAt(e % gradient.Rows, e / gradient.Rows).Should().Be(parameter.Gradients[e]);
        }

        explained["loss"].ValueAt(0, 0).Should().Be(loss.Forward(y, target));
        for (var i = 0; i < x.RowCount; i++)
            for (var j = 0; j < x.ColumnCount; j++) explained["x.grad"].ValueAt(i, j).Should().Be(dX[i, j]);
    }

    [Fact]
    public void Every_layer_of_the_library_is_here_and_has_an_explainer()
    {
        var types = typeof(Layer<>).Assembly.GetTypes().Where(type => type is { IsPublic: true, IsAbstract: false } && Bases(type).Any(of => of.IsGenericType && of.GetGenericTypeDefinition() == typeof(Layer<>)));
        var explainers = Explainers.Default<double>();
        foreach (var type in types)
        {
            var layer = Layers.FirstOrDefault(layer => layer.GetType().GetGenericTypeDefinition() == type);
            layer.Should().NotBeNull("{0} is in the catalogue", type.Name);
            explainers.Should().Contain(explainer => explainer.Explains(layer!), "{0} has one", type.Name);
        }

        static IEnumerable<Type> Bases(Type type)
        {
            for (var of = type.BaseType; of is not null; of = of.BaseType) yield return of;
        }
    }

    /// <summary>No number of the library's layers is left to their own backward pass.</summary>
    [Theory]
    [MemberData(nameof(EachLayer))]
    public void Every_number_has_an_expression_of_its_own(int index, bool training)
    {
        var layer = Layers[index];
        if (layer is SmallNest) return;
        var x = InputOf(layer, 5);
        var explained = Explanation.Of(Around(layer, x), new MSELoss<double>(), x, Some.Normal(5, 2, 8), new() { Training = training });
        var generic = Some.Answers(explained).Where(answer => answer.IsGeneric).Select(answer => answer.Entry.Quantity.Address).Distinct();
        generic.Should().BeEmpty("{0}", layer);
    }

    /// <summary>A number of a norm's parameter that another takes, or a mean over others, would not be seen where all are alike.</summary>
    [Fact]
    public void Images_of_several_channels_groups_and_paddings_are_explained()
    {
        var (norm2, frozen, still) = (new BatchNorm2d<double>(new(3, 2, 2), affine: false, trackRunningStats: false), new BatchNorm2d<double>(new(3, 2, 2)), new InstanceNorm2d<double>(new(3, 2, 2), affine: true, trackRunningStats: true));
        frozen.Freeze();
        still.Freeze();
        new Generator(9).Uniform(frozen.RunningVar!.Values, 0.5, 2);
        new Generator(8).Uniform(still.RunningMean!.Values, -1, 2);
        foreach (var layer in (Layer<double>[])[
            norm2, frozen, still, new BatchNorm2d<double>(new(3, 2, 2), 0.25, affine: false), new GroupNorm<double>(3, new(6, 2, 1), 0.125, affine: false), new GroupNorm<double>(1, new(3, 2, 2)), new GroupNorm<double>(6, new(6, 1, 2)),
            new InstanceNorm2d<double>(new(3, 2, 2)), new InstanceNorm2d<double>(new(3, 1, 3), trackRunningStats: true),
            new ConvTranspose2d<double>(new(4, 2, 3), 6, (2, 3), (2, 1), 1, (1, 0), groups: 2, dilation: (1, 2)), new ConvTranspose2d<double>(new(2, 2, 2), 2, 2, 3, bias: false), new ConvTranspose2d<double>(new(2, 3, 2), 1, (3, 2), padding: new Padding2d(1, 0, 1, 0))])
            foreach (var training in (bool[])[true, false])
            {
                var x = InputOf(layer, 3);
                var explained = Explanation.Of(Around(layer, x), new MSELoss<double>(), x, Some.Normal(3, 2, 8), new() { Training = training });
                RequireNumbers(explained, true);
                Some.Answers(explained).Should().NotContain(answer => answer.IsGeneric, "{0}", layer);
            }
    }

    [Fact]
    public void A_norm_of_images_and_a_transposed_convolution_read_as_their_formulas()
    {
        var norm = Told(new BatchNorm2d<double>(new(2, 1, 2)), 4);
        norm("layer.mean[0, 1]").Should().Contain("= (before.output[0, 2] + before.output[0, 3] + before.output[1, 2] + before.output[1, 3]) / 4");
        norm("layer.output[1, 2]").Should().Contain("y_ikhw = x̂_ikhw w_k + b_k").And.Contain("= layer.xhat[1, 2] · layer.weight[1] + layer.bias[1]");
        norm("layer.weight.grad[1]").Should().Contain("layer.output.grad[0, 2] · layer.xhat[0, 2] + layer.output.grad[0, 3] · layer.xhat[0, 3] + layer.output.grad[1, 2]");
        Told(new GroupNorm<double>(2, new(4, 1, 1)), 4)("layer.mean[1, 1]").Should().Contain("= (before.output[1, 2] + before.output[1, 3]) / 2");
        Told(new InstanceNorm2d<double>(new(2, 1, 2)), 4)("layer.mean[1, 0]").Should().Contain("= (before.output[1, 0] + before.output[1, 1]) / 2");
        var up = Told(new ConvTranspose2d<double>(new(1, 1, 2), 1, (1, 2)), 2);
        up("layer.output[0, 1]").Should().Contain("= before.output[0, 0] · layer.weight[0, 1] + before.output[0, 1] · layer.weight[0, 0] + layer.bias[0]");
        up("before.output.grad[1, 0]").Should().Contain("= layer.output.grad[1, 0] · layer.weight[0, 0] + layer.output.grad[1, 1] · layer.weight[0, 1]");

        // without the breaks of its lines
        static Func<string, string> Told(Layer<double> layer, int columns)
        {
            var explained = Explanation.Of(Around(layer, Some.Normal(2, columns, 1)), new MSELoss<double>(), Some.Normal(2, columns, 1), Some.Normal(2, 2, 2));
            return address => string.Join(' ', explained.Ask(address).ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        }
    }

    [Fact]
    public void In_float_factors_and_terms_give_the_gradients_of_the_library_too()
    {
        Layer<float>[] layers = [new Linear<float>(3, 4), new LayerNorm<float>(3), new BatchNorm1d<float>(3), new RMSNorm<float>(3), new GELU<float>(), new Softmax<float>(), new LogSoftmax<float>(), new Dropout<float>(0.25), new SELU<float>(),
            new Residual<float>(new Linear<float>(3, 3)), new Tanhshrink<float>(), new Mish<float>(), new PReLU<float>()];
        foreach (var layer in layers)
        {
            var network = Some.Shaken(new Sequential<float>(new Linear<float>(2, 3), layer, new Linear<float>(layer.OutputColumns(3), 2)));
            RequireNumbers(Explanation.Of(network, new MSELoss<float>(), Some.Normal<float>(5, 2, 3), Some.Normal<float>(5, 2, 4)), true);
        }
    }

    [Theory]
    [MemberData(nameof(EachLoss))]
    public void Terms_of_every_loss_give_its_value_and_its_gradient(int index)
    {
        var loss = Everything.Losses[index];
        const int rows = 5;
        var (columns, head, target) = Everything.Losses[index] switch
        {
            BCELoss<double> or BCEWithLogitsLoss<double> => (2, new Sigmoid<double>(), Probabilities(rows, 2)),
            CrossEntropyLoss<double> { Weight.Count: var classes } => (classes, new Identity<double>(), Some.Classes<double>(rows, classes)),
            NLLLoss<double> => (2, new LogSoftmax<double>(), Some.Classes<double>(rows, 2)),
            GaussianNLLLoss<double> => (4, new Softplus<double>(), Some.Normal(rows, 2, 9)),
            KLDivLoss<double> => (3, new LogSoftmax<double>(), Some.Normal(rows, 3, 9)),
            PoissonNLLLoss<double> => (3, new Softplus<double>(), Probabilities(rows, 3)),
            CombinedLoss<double> => (4, new Identity<double>(), Some.Classes<double>(rows, 3).Append(Some.Normal(rows, 1, 9))),
            _ => (3, (Layer<double>)new Identity<double>(), Some.Normal(rows, 3, 9)),
        };
        var network = Some.Shaken(new Sequential<double>(new Linear<double>(3, columns), head));

        RequireNumbers(Explanation.Of(network, loss, Some.Normal(rows, 3, 2), target), true);
    }

    [Fact]
    public void Classes_that_are_ignored_probabilities_and_sums_are_explained()
    {
        var network = Some.Shaken(new Sequential<double>(new Linear<double>(3, 4)));
        var x = Some.Normal(6, 3, 2);
        foreach (var (loss, target) in new (Loss<double>, Matrix<double>)[]
        {
            (new CrossEntropyLoss<double>(), Some.Classes<double>(6, 4)),
            (new CrossEntropyLoss<double>(ignoreIndex: 0, reduction: Reduction.Sum), Some.Classes<double>(6, 4)),
            (new CrossEntropyLoss<double>(ignoreIndex: 0), Some.Classes<double>(6, 4)),
            (new CrossEntropyLoss<double>(), Probabilities(6, 4)),
            (new CrossEntropyLoss<double>(labelSmoothing: 0.1), Some.Classes<double>(6, 4)),
            (new NLLLoss<double>(ignoreIndex: 2), Some.Classes<double>(6, 4)),
            (new SmoothL1Loss<double>(beta: 0), Some.Normal(6, 4, 3)),
            (new L1Loss<double>(Reduction.Sum), Some.Normal(6, 4, 3)),
            (KLDivLoss<double>.BatchMean(), Probabilities(6, 4)),
        }) RequireNumbers(Explanation.Of(network, loss, x, target), true);
    }

    [Fact]
    public void At_extremes_formulas_give_what_the_library_gives()
    {
        var x = Matrix<double>.Build.DenseOfArray(new[,] { { -800.0, 800, 0 }, { 40, -40, 1e-9 }, { 3, -3, 6 } });
        foreach (var layer in Everything.Layers.Where(layer => layer is Activation<double> or Softmax<double> or LogSoftmax<double>))
            RequireNumbers(Explanation.Of(layer, new MSELoss<double>(), x, Some.Normal(3, 3, 1)), true);
        RequireNumbers(Explanation.Of(new Identity<double>(), new CrossEntropyLoss<double>(), x, Some.Classes<double>(3, 3)), true);
        RequireNumbers(Explanation.Of(new Identity<double>(), new BCEWithLogitsLoss<double>(), x, Probabilities(3, 3)), true);
    }

    /// <summary>Every entry agrees, and every one that is computed has its numbers.</summary>
    private static void RequireNumbers(Explanation explanation, bool isExplained)
    {
        using var scope = new AssertionScope();
        foreach (var answer in Some.Answers(explanation))
        {
            answer.Agrees.Should().BeTrue("{0} of {1} is {2}, and its formula gives {3}", answer.Entry.Address, explanation.Title, answer.Value, answer.Computed);
            if (answer.IsGiven) answer.Numbers.Should().BeNull();
            else if (isExplained && !(answer.IsGeneric && answer.Entry.Quantity.Kind == QuantityKind.Value)) answer.Numbers.Should().NotBeNull("{0} of {1}", answer.Entry.Address, explanation.Title);
        }
    }

    private static Matrix<double> InputOf(Layer<double> layer, int rows)
    {
        var columns = layer.InputColumns ?? 3;
        return layer switch
        {
            Embedding<double> => Matrix<double>.Build.Dense(rows, 2, (i, j) => (3 * i + j) % 5),
            OneHot<double> => Matrix<double>.Build.Dense(rows, 2, (i, j) => j == 1 ? i % 3 : 0.5 + i),
            Impute<double> => Some.Normal(rows, columns, 1) is var x && (x[0, 1] = double.NaN) is double.NaN ? x : x,
            _ => Some.Normal(rows, columns, 1),
        };
    }

    /// <summary>The layer between two linear ones, where its input can be computed; else it comes first.</summary>
    private static Layer<double> Around(Layer<double> layer, Matrix<double> x)
    {
        layer = layer.Clone();
        if (layer is Preprocessing<double> preprocessing && layer is not Impute<double>) Samples(preprocessing);
        var network = new Sequential<double>();
        if (layer is not (Embedding<double> or OneHot<double> or Impute<double>)) network.Add("before", new Linear<double>(x.ColumnCount, x.ColumnCount, generator: new(3)));
        network.Add("layer", layer);
        network.Add("after", new Linear<double>(layer.OutputColumns(x.ColumnCount), 2, generator: new(4)));
        return Some.Shaken(network);
    }

    private static void Samples(Preprocessing<double> layer) => new Sequential<double>(layer).FitPreprocessing(Some.Normal(9, 3, 6));

    private static Matrix<double> Probabilities(int rows, int columns) => Some.Normal(rows, columns, 7).Map(value => 1 / (1 + Math.Exp(-value)));

    /// <summary>A user's container: it takes one child twice, and another not at all.</summary>
    private sealed class SmallNest : Layer<double>
    {
        public SmallNest()
        {
            Register("twice", new Linear<double>(3, 3));
            Register("never", new Linear<double>(3, 3));
        }

        public override ForwardPass<double> NewPass(bool training = true) => new Pass(this, training);

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => pass.Steps[2].Forward(pass.Steps[0].Forward(x));

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => pass.Steps[0].Backward(pass.Steps[2].Backward(dY)!);

        private sealed class Pass : ForwardPass<double>
        {
            public Pass(Layer<double> layer, bool training) : base(layer, training) => AddStep(layer.Children[0]);
        }
    }
}
