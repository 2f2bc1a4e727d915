using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public sealed class CloneTests
{
    public static TheoryData<int> Layers => [.. Enumerable.Range(0, Everything.Layers.Length)];

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_copy_of_each_layer_computes_the_same_and_shares_nothing_that_changes(int index)
    {
        var layer = Everything.Layers[index].Clone();       // one that may be fitted
        if (layer is Preprocessing<double>) layer.FitPreprocessing(Any.Matrix<double>(6, 3, 1));
        var copy = layer.Clone();
        copy.Should().BeOfType(layer.GetType());
        $"{copy}".Should().Be($"{layer}");
        copy.NamedParameters().Select(named => named.Name).Should().Equal(layer.NamedParameters().Select(named => named.Name));
        copy.NamedParameters().Select(named => string.Join(',', named.Parameter.Shape)).Should().Equal(layer.NamedParameters().Select(named => string.Join(',', named.Parameter.Shape)));
        copy.NamedBuffers().Select(named => named.Name).Should().Equal(layer.NamedBuffers().Select(named => named.Name));
        Runs.ModelState(copy).Should().Be(Runs.ModelState(layer));
        copy.Parameters.Intersect(layer.Parameters).Should().BeEmpty();
        copy.NamedBuffers().Select(named => named.Buffer).Intersect(layer.NamedBuffers().Select(named => named.Buffer)).Should().BeEmpty();

        Matrix<double>? x = null;
        for (var columns = 1; columns <= 12 && x is null; columns++)
        {
            var candidate = Matrix<double>.Build.Dense(4, columns, (i, j) => (i + j) % 2);
            try
            {
                layer.Forward(candidate);
                x = candidate;
            }
            catch (ArgumentException) { }
        }

        var y = layer.Forward(x!);
        var pass = copy.NewPass();
        copy.Forward(x!, pass);
        foreach (var parameter in copy.Parameters) parameter.Values.Fill(0.125);
        layer.Forward(x!).Should().BeEquivalentTo(y, "the original stays as it is, whatever its copy does");
    }

    [Fact]
    public void What_is_tied_or_shared_is_tied_in_the_copy_and_what_is_frozen_is_frozen()
    {
        var (embedding, generator) = (new Embedding<float>(5, 3), new Generator(4));
        var shared = new Tanh<float>();
        var model = new Sequential<float> { { "embedding", embedding }, { "a", shared }, { "dropout", new Dropout<float>(0.5, generator) }, { "norm", new BatchNorm1d<float>(3) }, { "b", shared }, { "output", new Linear<float>(embedding.Weight) } };
        model["norm"].Freeze();
        model.Parameters[0].Gradients.Fill(3);
        var copy = model.Clone();
        copy.Get<Linear<float>>("output").Weight.Should().BeSameAs(copy.Get<Embedding<float>>("embedding").Weight).And.NotBeSameAs(embedding.Weight);
        copy["a"].Should().BeSameAs(copy["b"]).And.NotBeSameAs(shared);
        copy["norm"].NamedBuffers().Should().OnlyContain(named => named.Buffer.Frozen);
        copy["norm"].Parameters.Should().OnlyContain(parameter => parameter.Frozen);
        copy.Parameters[0].Frozen.Should().BeFalse();
        copy.Parameters[0].Gradients.ToArray().Should().OnlyContain(gradient => gradient == 0);
        copy.Generators.Should().ContainSingle().Which.Should().NotBeSameAs(generator);
        copy.Generators.Single().GetState().Should().Equal(generator.GetState());
        new Dropout<float>(0.5).Clone().Generators.Should().Equal(Generator.Default);
        copy.Add("last", new Linear<float>(5, 1));
        (model.Children.Count, copy.Children.Count, copy.Parameters.Count).Should().Be((6, 7, model.Parameters.Count + 2));
    }

    [Fact]
    public void A_copy_trains_as_the_original_does_and_apart_from_it()
    {
        var trainer = Runs.Build<double>(new());
        var copy = (Sequential<double>)trainer.Model.Clone();
        var before = Runs.Model(copy);
        trainer.Fit(2);
        Runs.Model(copy).Should().Be(before);
        var other = new Trainer<double>(copy, trainer.Loss, new Adam<double>(copy.Parameters, 0.02), new Batches<double>(Runs.Samples<double>(23, 1), 5, Order()));
        other.Fit(2);
        Runs.Model(copy).Should().Be(Runs.Model(trainer.Model));

        static Generator Order()
        {
            // The generator of Runs has drawn the weights before it draws an order.
            var generator = Runs.Build<double>(new()).Training.Generator!;
            return generator;
        }
    }

    [Fact]
    public void Fields_of_ones_own_layers_are_copied_where_that_is_known()
    {
        var layer = new Known();
        var copy = (Known)layer.Clone();
        copy.Scale.Should().BeSameAs(copy.Parameters[0]).And.NotBeSameAs(layer.Scale);
        copy.Table.Should().Equal(layer.Table).And.NotBeSameAs(layer.Table);
        copy.Mask.Should().BeEquivalentTo(layer.Mask).And.NotBeSameAs(layer.Mask);
        copy.Parts.Should().HaveCount(2).And.NotIntersectWith(layer.Parts);
        copy.Parts[0].Should().BeSameAs(copy.Children[0].Layer);
        copy.Both[1].Should().BeSameAs(copy.Scale);
        copy.Hidden.Parameters[0].Should().NotBeSameAs(layer.Hidden.Parameters[0]);
        copy.Function.Should().BeSameAs(layer.Function);
        copy.Loss.Should().BeSameAs(layer.Loss);
        (copy.Range, copy.Pair, copy.Sizes).Should().Be((layer.Range, layer.Pair, layer.Sizes));
        copy.Forward(Matrix<double>.Build.Dense(2, 3, 1)).Should().BeEquivalentTo(layer.Forward(Matrix<double>.Build.Dense(2, 3, 1)));
    }

    [Fact]
    public void A_layer_that_only_knows_itself_what_a_copy_is_refuses_with_its_name()
    {
        var model = new Sequential<double> { { "a", new Linear<double>(2, 2) }, { "mine", new Unknown() } };
        var clone = () => model.Clone();
        clone.Should().Throw<NotSupportedException>().WithMessage("mine: Unknown() cannot be cloned: its cache holds a System.Collections.Generic.Dictionary<System.Int32, System.String>, of which only the layer knows what a copy is. Override CloneField.");
        var own = new Caught(2).Clone;
        own.Should().Throw<NotSupportedException>().WithMessage("Caught() cannot be cloned: its function holds a System.Func, of which *");

        var spoken = new Spoken();
        var copy = (Spoken)spoken.Clone();
        copy.Cache.Should().BeEmpty();
        spoken.Cache.Should().HaveCount(1);
    }

    [Fact]
    public void A_function_that_reaches_back_into_the_layer_is_no_copy_wherever_its_fields_are_declared()
    {
        ((Action)(() => new Derived().Clone())).Should().Throw<NotSupportedException>().WithMessage("Derived() cannot be cloned: its function holds a *");
        var combined = new Holder { Value = (Action)new Linear<double>(1, 1).Freeze + (static () => { }) };
        ((Action)(() => combined.Clone())).Should().Throw<NotSupportedException>().WithMessage("Holder() cannot be cloned: its value holds a System.Action, *");
        new Holder { Value = (Action)(static () => { }) }.Clone().Should().BeOfType<Holder>();
    }

    [Fact]
    public void A_list_or_array_that_holds_itself_and_kinds_of_lists_of_ones_own_do_no_harm()
    {
        var array = new object[2];
        array[0] = array;
        array[1] = "one";
        var copy = (object[])((Holder)new Holder { Value = array }.Clone()).Value!;
        copy.Should().NotBeSameAs(array);
        copy[0].Should().BeSameAs(copy);
        ((Action)(() => new Holder { Value = new Numbers { 1 } }.Clone())).Should().Throw<NotSupportedException>().WithMessage("*Numbers, of which only the layer knows*");
        ((Action)(() => new Liar().Clone())).Should().Throw<InvalidOperationException>().WithMessage("Liar() expects its CloneField to give a *Numbers for numbers, but it gave a System.String.");
    }

    private sealed class Numbers : List<int>;

    private sealed class Holder : Through
    {
        public object? Value { get; init; }
    }

    private sealed class Liar : Through
    {
        public Numbers Numbers { get; } = [1];

        protected override object? CloneField(string field, object value) => "no numbers";
    }

    private abstract class Based : Through
    {
        private readonly Func<double, double> _function;

        protected Based()
        {
            Scale = Register(new VectorParameter<double>("scale", 1));
            _function = Compute;
        }

        public VectorParameter<double> Scale { get; }

        public double At(double v) => _function(v);

        protected abstract double Compute(double v);
    }

    private sealed class Derived : Based
    {
        protected override double Compute(double v) => v * Scale.Values[0];
    }

    private abstract class Through : Layer<double>
    {
        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
        {
            var y = pass.NewOutput(x.RowCount, x.ColumnCount);
            x.CopyTo(y);
            return y;
        }

        protected override Matrix<double> BackwardCore(ForwardPass<double> pass, Matrix<double> dY) => dY;
    }

    private sealed class Known : Through
    {
        public Known()
        {
            Scale = Register(new VectorParameter<double>("scale", 3));
            Parts = [Register("one", new Tanh<double>()), Register("two", new Linear<double>(3, 3))];
            Both = [Register(new VectorParameter<double>("shift", 3)), Scale];
        }

        public VectorParameter<double> Scale { get; }

        public double[] Table { get; } = [1, 2, 3];

        public Matrix<double> Mask { get; } = Matrix<double>.Build.Random(2, 2, 1);

        public List<Layer<double>> Parts { get; }

        public Parameter<double>[] Both { get; }

        public Linear<double> Hidden { get; } = new(2, 2);

        public Func<double, double> Function { get; } = static v => v + 1;

        public Loss<double> Loss { get; } = new MSELoss<double>();

        public Range Range { get; } = 1..^2;

        public (int, string) Pair { get; } = (1, "one");

        public Size Sizes { get; } = new(2, 3.5);

        public readonly record struct Size(int Count, double? Width);
    }

    private sealed class Unknown : Through
    {
        private readonly Dictionary<int, string> _cache = [];

        protected override Matrix<double> ForwardCore(Matrix<double> x, ForwardPass<double> pass)
        {
            _cache[x.RowCount] = "seen";
            return base.ForwardCore(x, pass);
        }
    }

    private sealed class Caught : Through
    {
        private readonly Func<double, double> _function;

        // It reaches back into the layer that it was made for.
        public Caught(double factor)
        {
            Scale = Register(new VectorParameter<double>("scale", 1));
            _function = v => v * factor * Scale.Values[0];
        }

        public VectorParameter<double> Scale { get; }

        public double At(double v) => _function(v);
    }

    private sealed class Spoken : Through
    {
        public Dictionary<int, string> Cache { get; } = new() { [1] = "one" };

        protected override object? CloneField(string field, object value) => field == "cache" ? new Dictionary<int, string>() : base.CloneField(field, value);
    }
}
