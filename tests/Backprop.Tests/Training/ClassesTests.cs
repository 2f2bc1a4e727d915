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
