using Backprop.Tests;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Explain.Tests;

public sealed class ExplanationTests
{
    [Fact]
    public void The_notebooks_hidden_weight_is_traced_back_to_the_data()
    {
        var explanation = Some.NotebookExplained();

        var weight = explanation.Ask("hidden.weight.grad[0, 0]");
        weight.Value.Should().Be(0.021334741937830547);
        weight.Layer.Should().Be("hidden");
        weight.Terms.Should().HaveCount(8);
        TextPrinter.Short(weight.Formula!).Should().Be("dW_kj = Σ_i dY_ik x_ij");
        var factors = weight.Terms[0].Entries.ToArray();
        factors.Select(entry => entry.Address).Should().Equal("hidden.output.grad[0, 0]", "x[0, 0]");

        var step = explanation.Ask(factors[0].Address);
        step.Numbers!.Entries.Select(entry => entry.Address).Should().Equal("activation.output.grad[0, 0]", "activation.output[0, 0]", "activation.output[0, 0]");
        explanation.Ask("activation.output.grad[0, 0]").Numbers!.Entries.Select(entry => entry.Address).Should().Equal("output.output.grad[0, 0]", "output.weight[0, 0]");
        explanation.Ask("output.output.grad[0, 0]").Numbers!.Entries.Select(entry => entry.Address).Should().Equal("output.output[0, 0]", "target[0, 0]");
        explanation.Ask("x[0, 0]").IsGiven.Should().BeTrue();
        explanation.Ask("hidden.weight.next[0, 0]").Value.Should().Be(-0.1 - 0.1 * 0.021334741937830547);
    }

    [Fact]
    public void Addresses_are_those_of_PyTorch()
    {
        Some.NotebookExplained().Quantities.Select(quantity => quantity.Address).Should().BeEquivalentTo(
            "x", "target", "loss", "hidden.weight", "hidden.bias", "output.weight", "output.bias", "hidden.output", "activation.output", "output.output",
            "hidden.weight.grad", "hidden.bias.grad", "output.weight.grad", "output.bias.grad", "x.grad", "hidden.output.grad", "activation.output.grad", "output.output.grad",
            "hidden.weight.next", "hidden.bias.next", "output.weight.next", "output.bias.next");
    }

    [Theory]
    [InlineData("hidden.weight.grad[0,0]")]
    [InlineData("hidden.weight.grad [ 0 , 0 ]")]
    [InlineData("hidden.bias[0]")]
    [InlineData("hidden.bias[0, 0]")]
    [InlineData("loss")]
    public void An_address_is_read_as_one_writes_it(string address) => Some.NotebookExplained().Ask(address).Agrees.Should().BeTrue();

    [Fact]
    public void What_is_no_address_is_refused_and_says_what_one_is()
    {
        var explanation = Some.NotebookExplained();
        explanation.Invoking(e => e.Ask("x")).Should().Throw<ArgumentException>().WithMessage("An address is expected to read like hidden.weight.grad[0, 2], hidden.bias[2] or loss, but it is x.*");
        explanation.Invoking(e => e.Ask("x[-1, 0]")).Should().Throw<ArgumentException>().WithMessage("An address is expected*");
        explanation.Invoking(e => e.Ask("x[0]")).Should().Throw<ArgumentException>().WithMessage("x (8, 1) expects a row and a column, but the address is x[0].*");
        explanation.Invoking(e => e.Ask("x[8, 0]")).Should().Throw<ArgumentOutOfRangeException>().WithMessage("x has 8x1 entries, but was asked for [8, 0].*");
        explanation.Invoking(e => e.Ask("hiden.weight[0, 0]")).Should().Throw<KeyNotFoundException>().WithMessage("There is no quantity \"hiden.weight\" here; there is: hidden.weight, *");
        explanation.Invoking(e => e.Ask(null!)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void Arguments_that_do_not_fit_are_refused()
    {
        var (model, x) = (Some.Notebook(), Some.Points());
        FluentActions.Invoking(() => Explanation.Of<double>(null!, null, x, null)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => Explanation.Of(model, null, null!, null)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => Explanation.Of(model, new MSELoss<double>(), x, null)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => Explanation.Of(model, new MSELoss<double>(), Some.Normal(3, 2, 1), x)).Should().Throw<ArgumentException>().WithMessage("*expects 1 input column*x is 3x2*");
        FluentActions.Invoking(() => Explanation.Of(model, new MSELoss<double>(), x, Some.Normal(3, 1, 1))).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void The_network_is_left_as_it_was()
    {
        var generator = new Generator(3);
        var model = new Sequential<double>(new Linear<double>(2, 3, generator: generator), new BatchNorm1d<double>(3), new Dropout<double>(0.5, generator), new Snake(3), new Linear<double>(3, 1, generator: generator));
        var (x, y) = (Some.Normal(6, 2, 1), Some.Normal(6, 1, 2));
        foreach (var parameter in model.Parameters) parameter.Gradients.Fill(0.25);
        var before = State();

        var explanation = Explanation.Of(model, new MSELoss<double>(), x, y);
        var answers = Some.Answers(explanation).Count();

        answers.Should().BeGreaterThan(100);
        State().Should().Equal(before);

        byte[] State() => [.. model.Parameters.SelectMany(parameter => parameter.Values.ToArray().Concat(parameter.Gradients.ToArray())).Concat(model.NamedBuffers().SelectMany(buffer => buffer.Buffer.Values.ToArray()))
            .SelectMany(BitConverter.GetBytes), .. BitConverter.GetBytes(((BatchNorm1d<double>)model["1"]).NumBatchesTracked!.Value), .. generator.GetState()];
    }

    [Fact]
    public void A_network_is_left_as_it_was_where_a_layer_throws()
    {
        var model = new Sequential<double>(new Linear<double>(2, 3), new BatchNorm1d<double>(3), new Throwing());
        foreach (var parameter in model.Parameters) parameter.Gradients.Fill(0.25);
        FluentActions.Invoking(() => Explanation.Of(model, new MSELoss<double>(), Some.Normal(6, 2, 1), Some.Normal(6, 3, 2))).Should().Throw<InvalidOperationException>().WithMessage("not today");
        model.Parameters.Should().AllSatisfy(parameter => parameter.Gradients.ToArray().Should().AllBeEquivalentTo(0.25));
        ((BatchNorm1d<double>)model["1"]).RunningMean!.Values.ToArray().Should().AllBeEquivalentTo(0.0);
    }

    [Fact]
    public void A_snapshot_stays_when_the_network_learns_on()
    {
        var model = new Sequential<double>(new Linear<double>(2, 3), new Snake(3), new Linear<double>(3, 1));
        var (x, y) = (Some.Normal(6, 2, 1), Some.Normal(6, 1, 2));
        var (untouched, explanation) = (Explanation.Of(model, new MSELoss<double>(), x.Clone(), y.Clone()), Explanation.Of(model, new MSELoss<double>(), x, y));
        var then = Some.Answers(untouched).Select(answer => answer.ToString()).ToArray();

        Some.Shaken(model, 77);
        x.Clear();
        var now = Some.Answers(explanation).Select(answer => answer.ToString()).ToArray();      // Snake's backward pass is asked only here

        now.Should().Equal(then);
    }

    [Fact]
    public void A_users_layer_is_explained_by_its_own_backward_pass()
    {
        var model = new Sequential<double>(new Linear<double>(2, 3), new Snake(3), new Linear<double>(3, 1));
        var explanation = Explanation.Of(model, new MSELoss<double>(), Some.Normal(4, 2, 1), Some.Normal(4, 1, 2));

        var answer = explanation.Ask("1.a.grad[1]");
        answer.IsGeneric.Should().BeTrue();
        answer.Agrees.Should().BeTrue();
        answer.Terms.Should().HaveCount(4);
        answer.Terms[2].Entries.First().Address.Should().Be("1.output.grad[2, 1]");
        answer.Terms[2].Parts.OfType<LocalDerivative>().Single().Of.Should().Be(explanation["1.output"][2, 1]);

        explanation.Ask("0.output.grad[2, 1]").Terms.Should().HaveCount(1);
        var output = explanation.Ask("1.output[2, 1]");
        output.Numbers.Should().BeNull();
        output.Influences.Select(one => ((Entry)one.By).Address).Should().BeEquivalentTo("0.output[2, 1]", "1.a[1]");
        output.ToString().Should().Contain("moves with").And.Contain("0.output[2, 1] (");
    }

    [Fact]
    public void A_users_layer_of_many_outputs_is_explained_by_those_that_count_and_the_others_together()
    {
        var model = new Sequential<double>(new Linear<double>(4, 600), new Snake(600));
        var explanation = Explanation.Of(model, new MSELoss<double>(), Some.Normal(8, 4, 1), Some.Normal(8, 600, 2));

        var answers = Enumerable.Range(0, 600).Select(j => explanation.Ask(explanation["1.a.grad"], 0, j)).ToArray();

        answers.Should().OnlyContain(answer => answer.Agrees && answer.Numbers != null);
        answers.SelectMany(answer => answer.Terms).OfType<Rest>().Should().Contain(rest => rest.Count == 8 * 600 - 64);
        explanation.Ask("0.output.grad[3, 77]").Terms.Should().ContainSingle("its own sample's outputs are asked one by one").Which.Should().NotBeOfType<Rest>();
    }

    [Fact]
    public void A_layer_whose_derivative_does_not_fit_its_formula_is_shown_as_wrong()
    {
        var model = new Sequential<double>(new Linear<double>(2, 3), new Snake(3));
        var explanation = Explanation.Of(model, new MSELoss<double>(), Some.Normal(4, 2, 1), Some.Normal(4, 3, 2), null, [new WrongExplainer(), .. Explainers.Default<double>()]);

        var answer = explanation.Ask("0.output.grad[1, 1]");
        answer.Agrees.Should().BeFalse();
        answer.ToString().Should().Contain("WRONG: the formula gives");
        explanation.Ask("1.a.grad[1]").IsGeneric.Should().BeTrue("what the explainer leaves out is found all the same");
    }

    [Fact]
    public void An_explainer_of_ones_own_says_it_as_the_librarys_do()
    {
        var model = new Sequential<double>(new Linear<double>(2, 3), new Square());
        var explanation = Explanation.Of(model, new MSELoss<double>(), Some.Normal(4, 2, 1), Some.Normal(4, 3, 2), null, [new SquareExplainer(), .. Explainers.Default<double>()]);
        Some.Answers(explanation).Should().OnlyContain(answer => answer.Agrees && !answer.IsGeneric);
        TextPrinter.Short(explanation.Ask("0.output.grad[1, 1]").Formula!).Should().Be("dX_ij = dY_ij 2 x_ij");
    }

    [Fact]
    public void A_parameter_that_stands_in_two_places_gets_the_sum_of_its_shares()
    {
        var shared = new Linear<double>(3, 3);
        var model = Some.Shaken(new Sequential<double> { { "a", shared }, { "t", new Tanh<double>() }, { "b", shared }, { "c", new Linear<double>(shared.Weight) } });
        var explanation = Explanation.Of(model, new MSELoss<double>(), Some.Normal(4, 3, 1), Some.Normal(4, 3, 2));

        var answer = explanation.Ask("a.weight.grad[1, 2]");
        answer.Terms.Should().HaveCount(12);
        answer.Agrees.Should().BeTrue();
        answer.Note.Should().Be("It stands in several places, and their shares are added: a, b, c.");
        explanation.Quantities.Should().NotContain(quantity => quantity.Address.StartsWith("b.weight", StringComparison.Ordinal));
    }

    [Fact]
    public void Branches_have_gradients_of_their_own()
    {
        var model = Some.Shaken(new Sequential<double> { { "first", new Linear<double>(2, 3) }, { "block", new Residual<double>(new Linear<double>(3, 3)) }, { "both", new Concat<double>(new Tanh<double>(), new ReLU<double>()) } });
        var explanation = Explanation.Of(model, new MSELoss<double>(), Some.Normal(4, 2, 1), Some.Normal(4, 6, 2));

        explanation.Ask("first.output.grad[1, 2]").Numbers!.Entries.Select(entry => entry.Address).Should().Equal("block.output.grad[1, 2]", "block.f.input.grad[1, 2]");
        explanation.Ask("block.output.grad[1, 2]").Numbers!.Entries.Select(entry => entry.Address).Should().Equal("both.0.input.grad[1, 2]", "both.1.input.grad[1, 2]");
        explanation.Ask("both.1.output.grad[1, 2]").Numbers!.Entries.Select(entry => entry.Address).Should().Equal("both.output.grad[1, 5]");
        Some.Answers(explanation).Should().OnlyContain(answer => answer.Agrees);
    }

    [Fact]
    public void What_is_frozen_gets_no_gradient()
    {
        var model = Some.Shaken(new Sequential<double>(new Linear<double>(2, 3), new Tanh<double>(), new Linear<double>(3, 1)));
        ((Sequential<double>)model)["0"].Freeze();
        var explanation = Explanation.Of(model, new MSELoss<double>(), Some.Normal(4, 2, 1), Some.Normal(4, 1, 2));

        explanation["0.weight"].Frozen.Should().BeTrue();
        explanation["0.weight"].Gradient.Should().BeNull();
        explanation["2.weight"].Gradient.Should().NotBeNull();
        explanation["x.grad"].Should().NotBeNull();
        explanation.Quantities.Should().NotContain(quantity => quantity.Address == "0.weight.next");
    }

    [Fact]
    public void Without_a_loss_there_are_values_and_no_gradients()
    {
        var explanation = Explanation.Of(Some.Notebook(), null, Some.Points(), null);
        explanation.Loss.Should().BeNull();
        explanation.Quantities.Should().NotContain(quantity => quantity.Kind == QuantityKind.Gradient || quantity.Kind == QuantityKind.Next);
        explanation.Ask("output.output[0, 0]").Agrees.Should().BeTrue();
        explanation.ToText().Should().Contain("Without a loss, and so without gradients.");
        explanation.ToMarkdown().Should().NotContain("## Backward");
    }

    [Fact]
    public void The_first_number_that_is_not_finite_is_named()
    {
        var model = Some.Shaken(new Sequential<double> { { "a", new Linear<double>(2, 3) }, { "b", new Tanh<double>() }, { "c", new Linear<double>(3, 1) } });
        var (x, y) = (Some.Normal(4, 2, 1), Some.Normal(4, 1, 2));
        Problems().Should().BeEmpty();
        x[2, 1] = double.NaN;
        Problems().Should().Equal("The first number that is not finite is x[2, 1]: NaN.");
        ((Linear<double>)((Sequential<double>)model)["c"]).Weight.Value[0, 2] = double.NegativeInfinity;
        Problems().Should().Equal("The first number that is not finite is c.weight[0, 2]: -Infinity.");

        IReadOnlyList<string> Problems()
        {
            var explanation = Explanation.Of(model, new MSELoss<double>(), x, y);
            _ = (explanation.ToText(), explanation.ToMarkdown(), explanation.ToHtml());
            Some.Answers(explanation).Should().OnlyContain(answer => answer.Agrees, "NaN is NaN either way");
            return explanation.Problems;
        }
    }

    [Fact]
    public void Zeros_and_saturated_entries_are_facts()
    {
        var linear = new Linear<double>(1, 2);
        (linear.Weight.Value[0, 0], linear.Weight.Value[1, 0]) = (1, -1);
        linear.Bias!.Value.Clear();
        var x = Matrix<double>.Build.Dense(4, 1, (i, _) => i + 1.0);
        var dead = Explanation.Of(new Sequential<double>(linear, new ReLU<double>()), new MSELoss<double>(), x, x.Append(x));
        dead.Layers.Single(layer => layer.Path == "1").Facts.Should().Equal("50 % of the entries are saturated: their local derivative is at most 0.01.", "1 of 2 units give 0 for every sample.");
        Some.NotebookExplained().Layers.Should().OnlyContain(layer => layer.Facts.Count == 0);
    }

    [Fact]
    public void A_layer_alone_is_a_network()
    {
        var explanation = Explanation.Of(new Linear<double>(3, 2), new MSELoss<double>(), Some.Normal(4, 3, 1), Some.Normal(4, 2, 2));
        explanation.Quantities.Select(quantity => quantity.Address).Should().BeEquivalentTo("weight", "bias", "x", "output", "target", "loss", "output.grad", "x.grad", "weight.grad", "bias.grad", "weight.next", "bias.next");
        Some.Answers(explanation).Should().OnlyContain(answer => answer.Agrees);
    }

    [Fact]
    public void Names_that_collide_are_told_apart()
    {
        var model = new Sequential<double> { { "x", new Sequential<double> { { "grad", new Linear<double>(2, 2) } } }, { "loss", new Tanh<double>() }, { "target", new Tanh<double>() } };
        var explanation = Explanation.Of(model, new MSELoss<double>(), Some.Normal(4, 2, 1), Some.Normal(4, 2, 2));
        explanation.Quantities.Select(quantity => quantity.Address).Should().OnlyHaveUniqueItems();
        Some.Answers(explanation).Should().OnlyContain(answer => answer.Agrees);
    }

    [Fact]
    public async Task What_is_served_meanwhile_is_served_as_ever()
    {
        var model = new Sequential<double>(new Linear<double>(2, 3, generator: new(1)), new BatchNorm1d<double>(3), new Snake(3));
        var (x, y, served) = (Some.Normal(8, 2, 1), Some.Normal(8, 3, 2), Matrix<double>.Build.Dense(8, 3));
        var right = model.Forward(x);
        var wrong = 0;
        using var over = new CancellationTokenSource();
        var serving = Task.Run(() =>
        {
            while (!over.IsCancellationRequested)
            {
                model.Predict(x, served);
                if (!served.Equals(right)) wrong++;
            }
        }, TestContext.Current.CancellationToken);
        for (var i = 0; i < 20; i++) _ = Explanation.Of(model, new MSELoss<double>(), x * 5, y).Ask("1.output.grad[0, 0]");
        await over.CancelAsync();
        await serving;
        wrong.Should().Be(0);
    }

    [Fact]
    public void A_network_that_cannot_be_copied_is_explained_and_left_as_it_was()
    {
        var (layer, generator) = (new Uncopied(), new Generator(7));
        var model = new Sequential<double>(new Linear<double>(2, 3), layer, new Dropout<double>(0.5, generator));
        model.Invoking(m => m.Clone()).Should().Throw<NotSupportedException>();
        var state = generator.GetState();
        var explanation = Explanation.Of(model, new MSELoss<double>(), Some.Normal(4, 2, 1), Some.Normal(4, 3, 2));
        model.Freeze();
        Some.Shaken(model, 3);
        Some.Answers(explanation).Should().OnlyContain(answer => answer.Agrees);
        explanation.Ask("1.g.grad[1]").Terms.Should().HaveCountGreaterThan(0);
        model.Parameters.Should().OnlyContain(parameter => parameter.Frozen);
        generator.GetState().Should().Equal(state);
    }

    [Fact]
    public void A_layer_that_does_not_want_to_be_asked_costs_no_one_else()
    {
        var explanation = Explanation.Of(new Sequential<double>(new Linear<double>(2, 3), new Once(), new Linear<double>(3, 1)), new MSELoss<double>(), Some.Normal(4, 2, 1), Some.Normal(4, 1, 2));
        _ = (explanation.ToText(), explanation.ToMarkdown(), explanation.ToHtml());
        var answer = explanation.Ask("0.output.grad[1, 1]");
        answer.Numbers.Should().BeNull();
        answer.Note.Should().Be("The layer's backward pass could not be asked: once is enough");
        explanation.Ask("0.weight.grad[1, 1]").Agrees.Should().BeTrue();
    }

    [Fact]
    public void A_definition_that_needs_itself_or_too_many_others_is_refused_and_ends_nothing()
    {
        var x = Some.Normal(2, 40_000, 1);
        var explanation = Explanation.Of(new Identity<double>(), null, x, null, null, [new Circular()]);
        explanation.Invoking(e => e.Ask("circle[0, 0]")).Should().Throw<InvalidOperationException>().WithMessage("circle[0, 0] is defined by itself.");
        explanation.Invoking(e => e.Ask("running[0, 39999]")).Should().Throw<InsufficientExecutionStackException>();
    }

    [Fact]
    public void Rules_are_for_what_is_the_layers_own_and_only_while_it_is_explained()
    {
        var other = Some.NotebookExplained();
        Place<double>? kept = null;
        foreach (var (rule, message) in new (Action<Place<double>>, string)[]
        {
            (at => at.Rule(other["hidden.weight.grad"], Expression.Symbol("a"), (_, _) => 1000), "*but it is for hidden.weight.grad*"),
            (at => at.Rule(at.OutputGradient, Expression.Symbol("a"), (_, _) => 1000), "*expected to be for its output*"),
            (at => at.Keep("k", 2, 3, new double[4]), "k of Snake() is expected to have 2x3 values, but there are 4.*"),
            (at => at.Define("", 1, 1, Expression.Symbol("a"), (_, _) => 1), "*"),
            (at => at.Define("d", -1, 1, Expression.Symbol("a"), (_, _) => 1), "*"),
            (at => at.Elementwise(_ => null!, (_, _) => null!), "*gives null*"),
        })
        {
            FluentActions.Invoking(() => Explanation.Of(new Sequential<double>(new Linear<double>(2, 3), new Snake(3), new Linear<double>(3, 1)), new MSELoss<double>(), Some.Normal(4, 2, 1), Some.Normal(4, 1, 2), null, [new Doing(rule), .. Explainers.Default<double>()]))
                .Should().Throw<ArgumentException>().WithMessage(message);
        }

        Explanation.Of(new Snake(2), new MSELoss<double>(), Some.Normal(4, 2, 1), Some.Normal(4, 2, 2), null, [new Doing(at => kept = at)]);
        kept!.Invoking(at => at.Define("late", 1, 1, Expression.Symbol("a"), (_, _) => 1)).Should().Throw<InvalidOperationException>();
        FluentActions.Invoking(() => Explanation.Of(new Snake(2), null, Some.Normal(4, 2, 1), null, null, [null!])).Should().Throw<ArgumentException>().WithMessage("*one of them is null*");
    }

    [Fact]
    public void Far_from_0_rounding_is_no_contradiction()
    {
        foreach (var layer in new Layer<double>[] { new LayerNorm<double>(16), new RMSNorm<double>(16), new BatchNorm1d<double>(16) })
            Some.Answers(Explanation.Of(layer, new MSELoss<double>(), Some.Normal(16, 16, 1) + 1e6, Some.Normal(16, 16, 2))).Should().OnlyContain(answer => answer.Agrees, "{0}", layer);
        for (var seed = 0; seed < 100; seed++)
        {
            var large = Explanation.Of(new Linear<float>(2, 2, generator: new Generator(seed)), new MSELoss<float>(), Some.Normal<float>(3, 2, 1).Map(value => value * 1e20f), Some.Normal<float>(3, 2, 2));
            Some.Answers(large).Should().OnlyContain(answer => answer.Agrees, "a float overflows, with seed {0}", seed);
        }
    }

    [Fact]
    public void NaN_and_infinity_go_through_formulas_as_through_the_library()
    {
        var x = Matrix<double>.Build.DenseOfColumnArrays([double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0.5]);
        foreach (var layer in Everything.Layers.Where(layer => layer is Activation<double> or PReLU<double> { NumParameters: 1 }))
            foreach (var loss in new Loss<double>[] { new MSELoss<double>(), new L1Loss<double>() })
                Some.Answers(Explanation.Of(layer, loss, x, Some.Normal(4, 1, 2))).Where(answer => !answer.Agrees).Select(answer => $"{layer} {loss} {answer.Entry.Address} {answer.Value} {answer.Computed}").Should().BeEmpty();
    }

    [Fact]
    public void Parameters_called_like_the_data_do_not_take_its_place()
    {
        var explanation = Explanation.Of(new Named(), new MSELoss<double>(), Some.Normal(4, 3, 1), Some.Normal(4, 3, 2));
        explanation["x"].Kind.Should().Be(QuantityKind.Data);
        explanation["loss"].Kind.Should().Be(QuantityKind.Loss);
        explanation["x~2"].Kind.Should().Be(QuantityKind.Parameter);
        explanation.ToText().Should().Contain("4 samples");
        Some.Answers(explanation).Should().OnlyContain(answer => answer.Agrees);
    }

    private sealed class Throwing : Layer<double>
    {
        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => x;

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => throw new InvalidOperationException("not today");
    }

    private sealed class WrongExplainer : LayerExplainer<double>
    {
        public override bool Explains(Layer<double> layer) => layer is Snake;

        public override void Explain(Place<double> at) => at.Rule(at.InputGradient, Expression.Equal(Expression.Symbol("dX", "ij"), Expression.Symbol("dY", "ij")), (i, j) => at.OutputGradient![i, j]);
    }

    private sealed class Square : Activation<double>
    {
        protected override void Apply(ReadOnlySpan<double> x, Span<double> y)
        {
            for (var i = 0; i < x.Length; i++) y[i] = x[i] * x[i];
        }

        protected override void Differentiate(ReadOnlySpan<double> x, ReadOnlySpan<double> y, ReadOnlySpan<double> dY, Span<double> dX)
        {
            for (var i = 0; i < x.Length; i++) dX[i] = dY[i] * (x[i] + x[i]);
        }
    }

    private sealed class SquareExplainer : LayerExplainer<double>
    {
        public override bool Explains(Layer<double> layer) => layer is Square;

        public override void Explain(Place<double> at) => at.Elementwise(x => x * x, (x, _) => 2 * x);
    }

    private sealed class Uncopied : Layer<double>
    {
        private readonly System.Text.StringBuilder _kept = new("kept");

        public Uncopied()
        {
            G = Register(new VectorParameter<double>("g", 3));
            G.Values.Fill(1.5);
        }

        private VectorParameter<double> G { get; }

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
        {
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            x.MapIndexed((_, j, value) => value * G.Value[j] * (_kept.Length / 4), y);
            return y;
        }

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY)
        {
            var dX = pass.NewInputGradient();
            dY.MapIndexed((_, j, value) => value * G.Value[j], dX);
            for (var i = 0; i < dY.RowCount; i++)
                for (var j = 0; j < dY.ColumnCount; j++) G.Gradient[j] += dY[i, j] * pass.Input[i, j];
            return dX;
        }
    }

    private sealed class Once : Layer<double>
    {
        private int _asked;

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => x.Clone();

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => _asked++ == 0 ? dY.Clone() : throw new InvalidOperationException("once is enough");
    }

    private sealed class Circular : LayerExplainer<double>
    {
        public override bool Explains(Layer<double> layer) => true;

        public override void Explain(Place<double> at)
        {
            Quantity? circle = null, running = null;
            circle = at.Define("circle", 1, 1, Expression.Symbol("c"), (_, _) => circle![0, 0] + 1);
            running = at.Define("running", 1, at.Input.Columns, Expression.Symbol("r"), (_, j) => j == 0 ? at.Input[0, 0] : running![0, j - 1] + at.Input[0, j]);
        }
    }

    private sealed class Doing(Action<Place<double>> what) : LayerExplainer<double>
    {
        public override bool Explains(Layer<double> layer) => layer is Snake;

        public override void Explain(Place<double> at) => what(at);
    }

    private sealed class Named : Layer<double>
    {
        public Named()
        {
            Register(new VectorParameter<double>("x", 3)).Values.Fill(1);
            Register(new VectorParameter<double>("loss", 1)).Values.Fill(2);
        }

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass) => x;

        protected override Matrix<double>? BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => dY;
    }
}
