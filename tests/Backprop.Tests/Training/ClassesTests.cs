using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;

namespace Backprop.Tests;

public abstract class ClassesTests<T> : IDisposable where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"backprop-{Guid.NewGuid():N}.safetensors");

    private sealed record Flower(double Length, double Width, string Name);

    private static readonly Flower[] Flowers = [new(6, 2.5, "virginica"), new(1.4, 0.2, "setosa"), new(4.7, 1.4, "versicolor"), new(1.3, 0.2, "setosa")];

    public void Dispose()
    {
        File.Delete(_path);
        GC.SuppressFinalize(this);
    }

    private static T[] Values(params double[] values) => Array.ConvertAll(values, T.CreateChecked);

    [Fact]
    public void Labels_become_indices_in_ordinal_order_and_names_again() => Gen.String[0, 3].List[1, 30].ForAll(labels =>
    {
        var classes = Classes.From(labels);
        classes.Should().Equal(labels.Distinct().Order(StringComparer.Ordinal));
        Classes.From(labels.AsEnumerable().Reverse()).Should().Equal(classes);
        var targets = classes.ToTargets<T>(labels);
        targets.RowCount.Should().Be(labels.Count);
        for (var i = 0; i < labels.Count; i++)
        {
            classes[int.CreateChecked(targets[i, 0])].Should().Be(labels[i]);
            classes.IndexOf(labels[i]).Should().Be(int.CreateChecked(targets[i, 0]));
        }

        var scores = Matrix<T>.Build.Dense(labels.Count, classes.Count, (i, j) => T.CreateChecked(j) == targets[i, 0] ? T.One : T.Zero);
        classes.NamesOf(scores).Should().Equal(labels);
        new Classes(classes).Should().Equal(classes);
    });

    [Fact]
    public void A_model_file_keeps_them_whatever_they_are_called() => Gen.String[0, 5].HashSet[1, 8].ForAll(names =>
    {
        string[] texts = [.. names.Where(name => !name.Any(char.IsSurrogate)), "\"quoted\"\\", "naïve", "\0\n", "日本"];
        var classes = new Classes(texts.Distinct());
        var model = new Sequential<T> { new Linear<T>(2, 3) };
        model.Save(_path, classes: classes);
        ModelFile.ReadClasses(_path).Should().Equal(classes);
        model.Load(_path).Classes.Should().Equal(classes);
        using var stream = new MemoryStream();
        model.Save(stream, classes: classes);
        stream.Position = 0;
        model.Load(stream).Classes.Should().Equal(classes);
    }, count: 20);

    [Fact]
    public void A_model_file_need_not_have_any()
    {
        var model = new Sequential<T> { new Linear<T>(2, 3) };
        model.Save(_path);
        ModelFile.ReadClasses(_path).Should().BeNull();
        model.Load(_path).Classes.Should().BeNull();
    }

    [Theory]
    [InlineData("[\"a\", \"a\"]")]
    [InlineData("[]")]
    [InlineData("[1]")]
    [InlineData("[null]")]
    [InlineData("{\"a\": 1}")]
    [InlineData("[\"a\"")]
    public void Classes_that_are_none_are_refused_and_the_model_stays(string json)
    {
        var (model, file) = (new Sequential<T> { { "line", new Linear<T>(1, 1) } }, new SafeTensorsWriter());
        file.AddMetadata("backprop classes", json);
        file.Add("line.weight", [1, 1], Values(7));
        file.Add("line.bias", [1], Values(7));
        file.Save(_path);
        var before = Runs.Model(model);
        Refused<InvalidDataException>(() => ModelFile.ReadClasses(_path), $"{_path} is damaged: its classes are no list of different names.");
        Refused<InvalidDataException>(() => model.Load(_path), $"{_path} is damaged: its classes are no list of different names.");
        Runs.Model(model).Should().Be(before);
    }

    [Fact]
    public void Records_become_rows()
    {
        var classes = Classes.From(Flowers.Select(flower => flower.Name));
        var samples = Samples<T>.From(Flowers, flower => Values(flower.Length, flower.Width), flower => flower.Name, classes);
        samples.X.Should().Be(Matrix<T>.Build.DenseOfRowArrays(Values(6, 2.5), Values(1.4, 0.2), Values(4.7, 1.4), Values(1.3, 0.2)));
        samples.Y.Column(0).Should().Equal(Values(2, 0, 1, 0));
        samples.Weights.Should().BeNull();

        var weighted = Samples<T>.From(Flowers, flower => Values(flower.Length), flower => Values(flower.Width, 1, 2), flower => T.CreateChecked(flower.Length));
        (weighted.Y.ColumnCount, weighted.Y[2, 0]).Should().Be((3, T.CreateChecked(1.4)));
        weighted.Weights!.Should().Be(weighted.X);
    }

    [Fact]
    public void What_is_no_table_is_refused()
    {
        Refused<ArgumentException>(() => Samples<T>.From(Array.Empty<Flower>(), _ => Values(1), _ => Values(1)), "Samples expects at least one record, but there is none. (Parameter 'records')");
        Refused<ArgumentException>(() => Samples<T>.From(Flowers, flower => new T[flower.Name == "versicolor" ? 3 : 2], _ => Values(1)), "Samples expects 2 values of x, as the first record has, but record 2, counted from 0, has 3. (Parameter 'x')");
        Refused<ArgumentException>(() => Samples<T>.From(Flowers, _ => Values(1), _ => []), "Samples expects values of y, but record 0, counted from 0, has none. (Parameter 'y')");
        Refused<ArgumentException>(() => Samples<T>.From(Flowers, _ => Values(1), _ => null!), "Samples expects values of y, but record 0, counted from 0, has none. (Parameter 'y')");
        Refused<ArgumentOutOfRangeException>(() => Samples<T>.From(Flowers, _ => Values(1), _ => Values(1), _ => -T.One), "Samples expects weights that are finite and at least 0, but weights has -1 in row 0, column 0. *");
        Refused<ArgumentException>(() => Samples<T>.From(Flowers, _ => Values(1), flower => flower.Name, new Classes("setosa", "rose")), "Classes expects one of setosa, rose, but the name is \"virginica\". (Parameter 'name')");
        Refused<ArgumentNullException>(() => Samples<T>.From((Flower[])null!, _ => Values(1), _ => Values(1)), "*(Parameter 'records')");
    }

    [Fact]
    public void The_likeliest_classes_come_with_names_and_probabilities()
    {
        var classes = new Classes("a", "b", "c", "d");
        var logits = Values(1, 3, 1, 2);
        var sum = Math.E + Math.Exp(3) + Math.E + Math.Exp(2);
        var top = classes.Top<T>(logits, 3);
        top.Select(one => (one.Class, one.Name)).Should().Equal([(1, "b"), (3, "d"), (0, "a")], "the lower one of equals comes first");
        top.Select(one => one.Probability).Should().Equal([Math.Exp(3) / sum, Math.Exp(2) / sum, Math.E / sum], (a, b) => Math.Abs(a - b) < 1e-15);
        classes.Top<T>(logits).Sum(one => one.Probability).Should().BeApproximately(1, 1e-15);
        $"{top[0]}".Should().Be($"b {(100 * Math.Exp(3) / sum).ToString("0.0", System.Globalization.CultureInfo.InvariantCulture)} %");

        classes.Top<T>(Values(0.125, 0.5, 0.25, 0.125), logits: false).Select(one => one.Probability).Should().Equal(0.5, 0.25, 0.125, 0.125);
        var rows = classes.Top(Matrix<T>.Build.DenseOfRowArrays(logits, [.. logits.Reverse()]), 1);
        rows.Select(row => row.Single().Name).Should().Equal("b", "c");
        classes.Top(MathNet.Numerics.LinearAlgebra.Vector<T>.Build.Dense(logits), 1).Should().Equal(top[0]);

        // Logits so large that their exponentials are not numbers, and infinite ones.
        var large = Values(4000, 4000, -4000, double.NegativeInfinity);
        classes.Top<T>(large).Select(one => one.Probability).Should().Equal(0.5, 0.5, 0, 0);
        classes.Top<T>([T.PositiveInfinity, T.One, T.PositiveInfinity, T.Zero]).Select(one => one.Probability).Should().Equal(0.5, 0.5, 0, 0);

        // One column says how likely class 1 of two is.
        var two = new Classes("no", "yes");
        two.Top<T>([T.CreateChecked(2)]).Select(one => (one.Name, Math.Round(one.Probability, 12))).Should().Equal(("yes", Math.Round(1 / (1 + Math.Exp(-2)), 12)), ("no", Math.Round(1 / (1 + Math.Exp(2)), 12)));
        two.Top<T>([T.CreateChecked(0.25)], 1, logits: false).Should().Equal(new ClassProbability(0, "no", 0.75));
        two.Top<T>([T.CreateChecked(-4000)]).Select(one => one.Probability).Should().Equal(1, 0);

        new Classes("only").Top<T>([T.CreateChecked(5)]).Should().Equal(new ClassProbability(0, "only", 1));
        Refused<ArgumentException>(() => classes.Top<T>(logits, logits: false), "Classes expects probabilities from 0 to 1, but one is 3; of logits they are made with logits: true. (Parameter 'prediction')");
        Refused<ArgumentException>(() => classes.Top<T>([T.One]), "Classes expects 4 values, one for each class, but prediction has 1. (Parameter 'prediction')");
        Refused<ArgumentException>(() => classes.Top<T>([T.One, T.NaN, T.One, T.One]), "Classes expects numbers, but the value of b is NaN. (Parameter 'prediction')");
        Refused<ArgumentOutOfRangeException>(() => classes.Top<T>(logits, 0), "Top expects count to be at least 1.*");
        Refused<ArgumentNullException>(() => classes.Top((Matrix<T>)null!), "*");
    }

    [Fact]
    public void What_are_no_classes_is_refused()
    {
        var classes = new Classes("a", "b", "c");
        Refused<ArgumentException>(() => new Classes(), "Classes expects at least one name, but there is none. (Parameter 'names')");
        Refused<ArgumentException>(() => new Classes("a", "b", "a"), "Classes expects each name once, but classes 0 and 2 are both called \"a\". (Parameter 'names')");
        Refused<ArgumentException>(() => new Classes("a", null!), "Classes expects names, but that of class 1 is null. (Parameter 'names')");
        Refused<ArgumentException>(() => classes.IndexOf("A"), "Classes expects one of a, b, c, but the name is \"A\". (Parameter 'name')");
        classes.TryIndexOf("d", out _).Should().BeFalse();
        Refused<ArgumentOutOfRangeException>(() => classes[3], "Classes expects an index from 0 to 2. (Parameter 'index')*");
        Refused<ArgumentException>(() => classes.NamesOf(Matrix<T>.Build.Dense(2, 4)), "Classes expects 3 columns, one for each class, but prediction is 2x4. (Parameter 'prediction')");
        Refused<ArgumentException>(() => classes.NamesOf(Matrix<T>.Build.Dense(2, 3, T.NaN)), "Classes expects a largest column in each row, but prediction has NaN for sample 0. (Parameter 'prediction')");
        Refused<ArgumentException>(() => classes.ToTargets<T>([]), "Classes expects at least one label, but there is none. (Parameter 'labels')");
        new Classes(Enumerable.Range(0, 12).Select(i => $"{i}")).ToString().Should().Be("0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... (12)");
    }

    private static void Refused<TException>(Func<object?> act, string message) where TException : Exception => act.Should().Throw<TException>().WithMessage(message);
}

public sealed class ClassesDoubleTests : ClassesTests<double>;

public sealed class ClassesSingleTests : ClassesTests<float>;
