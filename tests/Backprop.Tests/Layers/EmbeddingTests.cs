using System.Numerics;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class EmbeddingTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    [NeedsTorch]
    [Fact]
    public void Gradients_agree_with_PyTorch_and_finite_differences() => Any.Shapes.ForAll(shape => Prove(shape, new Embedding<T>(4, shape.Out, generator: new Generator(shape.Seed))));

    [NeedsTorch]
    [Fact]
    public void Gradients_with_a_padding_row_agree_too() => Any.Shapes.ForAll(shape =>
        Prove(shape, new Embedding<T>(4, shape.Out, paddingIdx: shape.Seed % 8 - 4, new Generator(shape.Seed)), finiteDifferences: false));

    [Fact]
    public void A_repeated_index_adds_up()
    {
        var embedding = new Embedding<T>(3, 2);
        var (x, pass) = (Matrix<T>.Build.Dense(2, 2, T.One), embedding.NewPass());
        embedding.Forward(x, pass).Row(1).Should().Equal(embedding.Weight.Value.Row(1).Concat(embedding.Weight.Value.Row(1)));
        embedding.Backward(pass, Matrix<T>.Build.Dense(2, 4, (i, j) => T.CreateChecked(i + 10 * j))).Enumerate().Should().Equal(new T[4]);
        embedding.Weight.Gradient.ToRowMajorArray().Should().Equal(Array.ConvertAll([0, 0, 42.0, 82, 0, 0], T.CreateChecked));
    }

    [NeedsTorch]
    [Fact]
    public void The_padding_row_is_that_of_PyTorchs_layer() => Any.Shapes.ForAll(shape =>
    {
        using var scope = NewDisposeScope();
        var random = new Random(shape.Seed);
        var ours = new Embedding<T>(5, shape.Out, paddingIdx: random.Next(5), new Generator(shape.Seed));
        using var theirs = nn.Embedding(5, shape.Out, padding_idx: ours.PaddingIdx, dtype: typeof(T) == typeof(double) ? float64 : float32);
        using (no_grad()) theirs.weight!.copy_(Proof.Tensor(ours.Weight.Value));
        var (x, pass) = (Matrix<T>.Build.Dense(shape.Rows, shape.In, (_, _) => T.CreateChecked(random.Next(5))), ours.NewPass());
        var y = ours.Forward(x, pass);
        var yTorch = theirs.call(Proof.Tensor(x).to(int64)).reshape(shape.Rows, -1);
        Proof.Compare("Embedding", "y", y, yTorch);
        var dY = Any.Matrix<T>(y.RowCount, y.ColumnCount, 1);
        ours.Backward(pass, dY);
        yTorch.backward([Proof.Tensor(dY)]);
        Proof.Compare("Embedding", "dL/dweight", ours.Weight.Gradient, theirs.weight!.grad!);
    });

    /// <summary>Doubles up to the last places of the platform's logarithm, sine and cosine.</summary>
    [Fact]
    public void Initial_values_are_PyTorchs()
    {
        LayerFixture.Agrees<T>(new Embedding<T>(6, 4, generator: new Generator(11)).Weight.Value.ToRowMajorArray(), $"embedding 6 4");
        LayerFixture.Agrees<T>(new Embedding<T>(6, 4, paddingIdx: -2, new Generator(11)).Weight.Value.ToRowMajorArray(), $"embedding 6 4 padding -2");
    }

    [Theory]
    [InlineData(5, "5")]
    [InlineData(-1, "-1")]
    [InlineData(1.5, "1.5")]
    [InlineData(1e30, "1E+30")]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.NegativeInfinity, "-Infinity")]
    public void What_is_no_index_is_refused_before_anything_changes(double index, string shown)
    {
        var embedding = new Embedding<T>(5, 2);
        var (x, pass) = (Matrix<T>.Build.Dense(3, 2), embedding.NewPass());
        var y = embedding.Forward(x, pass).Clone();
        x[2, 1] = T.CreateChecked(index);
        var act = () => embedding.Forward(x, embedding.NewPass());
        act.Should().Throw<ArgumentException>().WithMessage($"Embedding(5, 2) expects whole numbers from 0 to 4, but x[2, 1] is {shown}. (Parameter 'x')");
        pass.Output.Should().Be(y);
    }

    private static void Prove((int Rows, int In, int Out, int Seed) shape, Embedding<T> embedding, bool finiteDifferences = true)
    {
        var random = new Random(shape.Seed);
        var x = Matrix<T>.Build.Dense(shape.Rows, shape.In, (_, _) => T.CreateChecked(random.Next(4)));    // 4 rows: most are named many times
        Proof.Layer(embedding, x, (xTorch, p) =>
        {
            // A row that gets no gradient is one that autograd does not see.
            var learned = arange(4).ne(embedding.PaddingIdx ?? -1).reshape(4, 1);
            return where(learned, p["weight"], p["weight"].detach()).index_select(0, xTorch.to(int64).flatten()).reshape(shape.Rows, -1);
        }, shape.Seed, checkInput: false, finiteDifferences: finiteDifferences);
    }
}

public sealed class EmbeddingDoubleTests : EmbeddingTests<double>
{
    [Fact]
    public void Its_columns_and_names_are_told()
    {
        var embedding = new Embedding<double>(10, 3, paddingIdx: -1);
        $"{embedding}".Should().Be("Embedding(10, 3, padding 9)");
        $"{new Embedding<double>(10, 3)}".Should().Be("Embedding(10, 3)");
        embedding.OutputColumns(4).Should().Be(12);
        embedding.NamedParameters().Select(named => named.Name).Should().Equal("weight");
        embedding.Weight.Value.Row(9).Should().OnlyContain(value => value == 0);

        var model = new Sequential<double> { embedding, new Linear<double>(11, 2) };
        var act = () => model.Forward(Matrix<double>.Build.Dense(2, 4));
        act.Should().Throw<ArgumentException>().WithMessage("1: Linear(11 -> 2) expects 11 input columns, but the layer before gives 12. (Parameter 'x')");
    }

    [Fact]
    public void Bad_input_is_named()
    {
        var rows = () => new Embedding<double>(0, 3);
        rows.Should().Throw<ArgumentOutOfRangeException>().WithMessage("Embedding(0, 3) expects numEmbeddings to be at least 1.*");
        var columns = () => new Embedding<double>(3, -2);
        columns.Should().Throw<ArgumentOutOfRangeException>().WithMessage("Embedding(3, -2) expects embeddingDim to be at least 1.*");
        foreach (var index in (int[])[3, -4])
        {
            var padding = () => new Embedding<double>(3, 2, paddingIdx: index);
            padding.Should().Throw<ArgumentOutOfRangeException>().WithMessage($"Embedding(3, 2) expects paddingIdx to be from -3 to 2, but it is {index}. (Parameter 'paddingIdx')");
        }
    }
}

public sealed class EmbeddingSingleTests : EmbeddingTests<float>;
