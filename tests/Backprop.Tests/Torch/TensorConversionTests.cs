using Backprop.Torch;
using CsCheck;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Backprop.Tests;

public abstract class TensorConversionTests<T>
    where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
{
    private static readonly ScalarType Type = typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32;
    private static readonly ScalarType OtherType = typeof(T) == typeof(double) ? ScalarType.Float32 : ScalarType.Float64;

    private static readonly Gen<Matrix<T>> Matrices =
        from rows in Gen.Int[1, 70]
        from columns in Gen.Int[1, 70]
        from values in Gen.Double.Array[rows * columns]
        select Matrix<T>.Build.Dense(rows, columns, [.. values.Select(T.CreateSaturating)]);

    [NeedsTorch]
    [Fact]
    public void Every_entry_keeps_its_row_and_column()
    {
        Matrix<T> matrix = Sample(2, 3);

        using Tensor tensor = matrix.ToTensor();

        tensor.shape.Should().Equal(2, 3);
        tensor.dtype.Should().Be(Type);
        tensor.is_contiguous().Should().BeTrue();
        tensor.data<T>().ToArray().Should().Equal(Values(11, 12, 13, 21, 22, 23), "PyTorch goes row by row");
        for (int i = 0; i < 2; i++)
        {
            for (int j = 0; j < 3; j++)
            {
                using Tensor entry = tensor[i, j];
                entry.item<T>().Should().Be(matrix[i, j]);
            }
        }
        tensor.ToMatrix<T>().Should().Be(matrix);
        tensor.ToMatrix<T>().ToColumnMajorArray().Should().Equal(Values(11, 21, 12, 22, 13, 23), "MathNet goes column by column");
    }

    [NeedsTorch]
    [Fact]
    public void A_matrix_comes_back_bit_for_bit() => Matrices.Sample(
        matrix =>
        {
            using Tensor tensor = matrix.ToTensor();
            return SameBits(tensor.ToMatrix<T>(), matrix) && tensor.shape.SequenceEqual([matrix.RowCount, matrix.ColumnCount]);
        },
        iter: 200, threads: 1);

    [NeedsTorch]
    [Fact]
    public void NaN_infinities_subnormals_and_the_sign_of_zero_survive()
    {
        Matrix<T> matrix = Matrix<T>.Build.Dense(2, 3, [T.NaN, T.PositiveInfinity, T.NegativeInfinity, T.NegativeZero, T.Epsilon, T.Zero]);

        using Tensor tensor = matrix.ToTensor();

        SameBits(tensor.ToMatrix<T>(), matrix).Should().BeTrue();
    }

    [NeedsTorch]
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 5)]
    [InlineData(5, 1)]
    [InlineData(0, 3)]
    [InlineData(3, 0)]
    [InlineData(200, 100)]      // above the size from which libtorch transposes in blocks
    public void Thin_empty_and_large_matrices_come_back(int rows, int columns)
    {
        Matrix<T> matrix = Sample(rows, columns);

        using Tensor tensor = matrix.ToTensor();

        tensor.shape.Should().Equal(rows, columns);
        tensor.ToMatrix<T>().ToColumnMajorArray().Should().Equal(matrix.ToColumnMajorArray());
        using Tensor leaf = matrix.ToTensor(requiresGradient: true);
        (leaf.is_leaf, leaf.requires_grad, leaf.is_contiguous()).Should().Be((true, true, true));
    }

    [NeedsTorch]
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void A_vector_comes_back(int count)
    {
        Vector<T> vector = Vector<T>.Build.Dense(count, i => T.CreateChecked(i + 0.5));

        using Tensor tensor = vector.ToTensor();

        tensor.shape.Should().Equal(count);
        tensor.dtype.Should().Be(Type);
        tensor.ToVector<T>().ToArray().Should().Equal(vector.ToArray());
    }

    [NeedsTorch]
    [Fact]
    public void Matrices_and_vectors_that_are_not_dense_are_read_as_what_they_are()
    {
        using Tensor diagonal = Matrix<T>.Build.Diagonal(2, 3, T.One).ToTensor();
        using Tensor sparse = Matrix<T>.Build.SparseOfRowMajor(2, 3, Values(0, 2, 0, 4, 0, 0)).ToTensor();
        using Tensor vector = Vector<T>.Build.SparseOfArray(Values(0, 7, 0)).ToTensor();

        diagonal.data<T>().ToArray().Should().Equal(Values(1, 0, 0, 0, 1, 0));
        sparse.data<T>().ToArray().Should().Equal(Values(0, 2, 0, 4, 0, 0));
        vector.data<T>().ToArray().Should().Equal(Values(0, 7, 0));
    }

    [NeedsTorch]
    [Fact]
    public void Neither_side_sees_what_happens_to_the_other()
    {
        Matrix<T> matrix = Sample(1, 2);
        Vector<T> vector = Vector<T>.Build.Dense(2, T.One);
        using Tensor tensor = matrix.ToTensor(), vectorTensor = vector.ToTensor();
        Matrix<T> back = tensor.ToMatrix<T>();
        Vector<T> vectorBack = vectorTensor.ToVector<T>();

        matrix.Clear();
        vector.Clear();
        tensor.ToMatrix<T>().Should().Be(Sample(1, 2));
        vectorTensor.ToVector<T>()[0].Should().Be(T.One);

        tensor.zero_().Dispose();
        vectorTensor.zero_().Dispose();
        back.Should().Be(Sample(1, 2));
        vectorBack[0].Should().Be(T.One);
    }

    [NeedsTorch]
    [Fact]
    public void A_tensor_that_requires_a_gradient_is_a_leaf_and_its_gradient_can_be_read()
    {
        using Tensor x = Sample(2, 3).ToTensor(requiresGradient: true), v = Vector<T>.Build.Dense(3, T.One).ToTensor(requiresGradient: true);
        x.is_leaf.Should().BeTrue();
        v.is_leaf.Should().BeTrue();

        using Tensor product = x.mul(v), loss = product.sum();
        loss.backward();

        product.ToMatrix<T>().Should().Be(Sample(2, 3), "a tensor inside a computation is read, too");
        x.grad!.ToMatrix<T>().Should().Be(Matrix<T>.Build.Dense(2, 3, T.One));
        v.grad!.ToVector<T>().ToArray().Should().Equal(Values(32, 34, 36));
        using Tensor without = Sample(2, 3).ToTensor();
        without.requires_grad.Should().BeFalse();
    }

    [NeedsTorch]
    [Fact]
    public void Views_of_any_layout_are_read_entry_by_entry()
    {
        using Tensor tensor = Sample(4, 6).ToTensor();
        using Tensor transposed = tensor.t();
        using Tensor part = tensor[1..3, 2..5];
        using Tensor everySecond = tensor.slice(1, 0, 6, 2);
        using Tensor row = tensor[2], column = tensor.select(1, 3), expanded = row.expand(3, 6);

        transposed.ToMatrix<T>().Should().Be(Sample(4, 6).Transpose());
        part.ToMatrix<T>().Should().Be(Sample(4, 6).SubMatrix(1, 2, 2, 3));
        everySecond.ToMatrix<T>().Column(1).Should().Equal(Sample(4, 6).Column(2));
        row.ToVector<T>().Should().Equal(Sample(4, 6).Row(2));
        column.ToVector<T>().Should().Equal(Sample(4, 6).Column(3));
        expanded.ToMatrix<T>().Row(2).Should().Equal(Sample(4, 6).Row(2));
    }

    [NeedsTorch]
    [Fact]
    public void A_sparse_tensor_and_a_view_with_its_sign_pending_are_read_right()
    {
        using Tensor tensor = Sample(1, 1).ToTensor(), sparse = tensor.to_sparse();
        using Tensor pair = complex(tensor, tensor), conjugate = pair.conj(), imaginary = conjugate.imag;

        sparse.ToMatrix<T>().Should().Be(Sample(1, 1));
        imaginary.ToMatrix<T>().Should().Be(-Sample(1, 1));
    }

    [NeedsTorch]
    [Fact]
    public void A_tensor_that_does_not_fit_is_refused_in_words()
    {
        using Tensor other = zeros([2, 3], OtherType), cube = zeros([2, 3, 4], Type), scalar = zeros([], Type), square = zeros([2, 3], Type);
        Tensor disposed = zeros([2, 3], Type);
        disposed.Dispose();

        Refused(() => other.ToMatrix<T>(), $"A matrix of {typeof(T).Name} expects a {Type} tensor, but tensor is {OtherType} [2, 3]. (Parameter 'tensor')");
        Refused(() => cube.ToMatrix<T>(), "A matrix expects a tensor of 2 dimensions, but tensor is [2, 3, 4]. (Parameter 'tensor')");
        Refused(() => square.ToVector<T>(), "A vector expects a tensor of 1 dimension, but tensor is [2, 3]. (Parameter 'tensor')");
        Refused(() => scalar.ToVector<T>(), "A vector expects a tensor of 1 dimension, but tensor is []. (Parameter 'tensor')");
        ((Action)(() => disposed.ToMatrix<T>())).Should().Throw<InvalidOperationException>();

        static void Refused(Action convert, string message) => convert.Should().Throw<ArgumentException>().WithMessage(message);
    }

    [Fact]
    public void Null_is_refused()
    {
        ((Action)(() => ((Matrix<T>)null!).ToTensor())).Should().Throw<ArgumentNullException>().WithParameterName("matrix");
        ((Action)(() => ((Vector<T>)null!).ToTensor())).Should().Throw<ArgumentNullException>().WithParameterName("vector");
        ((Action)(() => ((Tensor)null!).ToMatrix<T>())).Should().Throw<ArgumentNullException>().WithParameterName("tensor");
        ((Action)(() => ((Tensor)null!).ToVector<T>())).Should().Throw<ArgumentNullException>().WithParameterName("tensor");
    }

    [NeedsTorch]
    [Fact]
    public void No_tensor_is_left_over()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor matrix = Sample(2, 3).ToTensor(requiresGradient: true), vector = Vector<T>.Build.Dense(3).ToTensor();

        matrix.ToMatrix<T>();
        vector.ToVector<T>();
        ((Action)(() => matrix.ToVector<T>())).Should().Throw<ArgumentException>();

        scope.DisposablesCount.Should().Be(2, "only the two results belong to the caller");
    }

    private static T[] Values(params double[] values) => [.. values.Select(T.CreateChecked)];

    /// <summary>The entry of row 2, column 3 is 23.</summary>
    private static Matrix<T> Sample(int rows, int columns) =>
        Matrix<T>.Build.Dense(rows, columns, (i, j) => T.CreateChecked((10 * (i + 1)) + j + 1));

    private static bool SameBits(Matrix<T> a, Matrix<T> b) =>
        a.RowCount == b.RowCount
        && System.Runtime.InteropServices.MemoryMarshal.AsBytes<T>(a.AsColumnMajorArray())
            .SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes<T>(b.AsColumnMajorArray()));
}

public class TensorConversionDoubleTests : TensorConversionTests<double>;

public class TensorConversionSingleTests : TensorConversionTests<float>;
