using System.Runtime.InteropServices;
using MathNet.Numerics.LinearAlgebra;
using static TorchSharp.torch;

namespace Backprop.Torch;

/// <summary>Matrices and vectors to tensors and back, in float (float32) and double (float64).</summary>
/// <remarks>
/// MathNet stores a matrix column by column, PyTorch row by row; this is the only place that knows both. Values are always
/// copied: what happens to the matrix afterwards does not reach the tensor, and the other way round.
/// </remarks>
/// <example>
/// <code>
/// using Tensor weight = linear.Weight.Value.ToTensor(requiresGradient: true);
/// using Tensor loss = torch.nn.functional.linear(input, weight).sum();
/// loss.backward();
/// Matrix&lt;double&gt; gradient = weight.grad!.ToMatrix&lt;double&gt;();
/// </code>
/// </example>
public static class TensorConversion
{
    /// <summary>A contiguous tensor [rows, columns] on the CPU with the values of the matrix.</summary>
    /// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
    /// <param name="matrix">Any matrix, sparse and diagonal ones too.</param>
    /// <param name="requiresGradient">Whether the tensor is a leaf whose gradient PyTorch computes.</param>
    /// <exception cref="ArgumentNullException"><paramref name="matrix"/> is null.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is neither float nor double.</exception>
    public static Tensor ToTensor<T>(this Matrix<T> matrix, bool requiresGradient = false)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(matrix);
        using Tensor columns = Copy<T>(matrix.AsColumnMajorArray() ?? matrix.ToColumnMajorArray(), [matrix.ColumnCount, matrix.RowCount]);
        using Tensor rows = columns.t();
        return rows.contiguous().requires_grad_(requiresGradient);
    }

    /// <summary>A tensor [count] on the CPU with the values of the vector.</summary>
    /// <inheritdoc cref="ToTensor{T}(Matrix{T}, bool)" path="/typeparam"/>
    /// <param name="vector">Any vector, sparse ones too.</param>
    /// <param name="requiresGradient">Whether the tensor is a leaf whose gradient PyTorch computes.</param>
    /// <exception cref="ArgumentNullException"><paramref name="vector"/> is null.</exception>
    public static Tensor ToTensor<T>(this Vector<T> vector, bool requiresGradient = false)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(vector);
        return Copy<T>(vector.AsArray() ?? vector.ToArray(), [vector.Count]).requires_grad_(requiresGradient);
    }

    /// <summary>A dense matrix with the values of a tensor of two dimensions, from any device, in any memory layout, sparse too.</summary>
    /// <typeparam name="T"><see cref="float"/> for a float32 tensor, <see cref="double"/> for a float64 one.</typeparam>
    /// <param name="tensor">The tensor [rows, columns]; it may be part of a gradient computation.</param>
    /// <exception cref="ArgumentNullException"><paramref name="tensor"/> is null (as the gradient of a tensor without one).</exception>
    /// <exception cref="ArgumentException">The tensor has another number of dimensions or another element type.</exception>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> is neither float nor double.</exception>
    public static Matrix<T> ToMatrix<T>(this Tensor tensor)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        CheckTensor<T>(tensor, dimensions: 2, "matrix");
        using Tensor values = Dense(tensor);
        using Tensor columns = values.t();
        return Matrix<T>.Build.Dense((int)tensor.shape[0], (int)tensor.shape[1], Values<T>(columns));
    }

    /// <summary>A dense vector with the values of a tensor of one dimension, from any device, in any memory layout, sparse too.</summary>
    /// <inheritdoc cref="ToMatrix{T}(Tensor)" path="/typeparam|/exception"/>
    /// <param name="tensor">The tensor [count]; it may be part of a gradient computation.</param>
    public static Vector<T> ToVector<T>(this Tensor tensor)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        CheckTensor<T>(tensor, dimensions: 1, "vector");
        using Tensor values = Dense(tensor);
        return Vector<T>.Build.Dense(Values<T>(values));
    }

    /// <summary>float32 or float64.</summary>
    internal static ScalarType ScalarTypeOf<T>() =>
        typeof(T) == typeof(double) ? ScalarType.Float64
        : typeof(T) == typeof(float) ? ScalarType.Float32
        : throw new NotSupportedException($"Tensors are converted from and to float and double, not {typeof(T).Name}.");

    private static Tensor Copy<T>(ReadOnlySpan<T> values, long[] shape)
        where T : unmanaged
    {
        Tensor tensor = empty(shape, ScalarTypeOf<T>(), CPU);
        MemoryMarshal.AsBytes(values).CopyTo(tensor.bytes);
        return tensor;
    }

    private static Tensor Dense(Tensor tensor)
    {
        using Tensor values = tensor.detach();
        return values.is_sparse ? values.to_dense() : values.alias();
    }

    private static T[] Values<T>(Tensor tensor)
        where T : unmanaged
    {
        using Tensor here = tensor.cpu();
        using Tensor contiguous = here.contiguous();
        using Tensor values = contiguous.resolve_neg();     // a view can have its sign pending, as .conj().imag has
        return MemoryMarshal.Cast<byte, T>(values.bytes).ToArray();
    }

    private static void CheckTensor<T>(Tensor tensor, int dimensions, string name)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ScalarType expected = ScalarTypeOf<T>();
        if (tensor.dtype != expected)
            throw new ArgumentException($"A {name} of {typeof(T).Name} expects a {expected} tensor, but tensor is {tensor.dtype} {ShapeOf(tensor)}.", nameof(tensor));
        if (tensor.dim() != dimensions)
            throw new ArgumentException($"A {name} expects a tensor of {dimensions} dimension{(dimensions == 1 ? "" : "s")}, but tensor is {ShapeOf(tensor)}.", nameof(tensor));
    }

    private static string ShapeOf(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
