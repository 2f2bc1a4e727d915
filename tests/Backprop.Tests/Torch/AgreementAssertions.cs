using System.Runtime.CompilerServices;
using Backprop.Torch;
using FluentAssertions;
using MathNet.Numerics.LinearAlgebra;
using static TorchSharp.torch;

namespace Backprop.Tests;

/// <summary>"This is what PyTorch has", as an assertion that names the worst entry when it is not.</summary>
internal static class AgreementAssertions
{
    public static void ShouldAgreeWith<T>(
        this Matrix<T> ours, Tensor theirs, Tolerance? tolerance = null, [CallerArgumentExpression(nameof(ours))] string what = "")
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> => Assert(Difference.Between(ours, theirs, tolerance), what);

    public static void ShouldAgreeWith<T>(
        this Vector<T> ours, Tensor theirs, Tolerance? tolerance = null, [CallerArgumentExpression(nameof(ours))] string what = "")
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> => Assert(Difference.Between(ours, theirs, tolerance), what);

    public static void ShouldAgreeWith<T>(
        this T ours, Tensor theirs, Tolerance? tolerance = null, [CallerArgumentExpression(nameof(ours))] string what = "")
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> => Assert(Difference.Between(ours, theirs, tolerance), what);

    public static void ShouldAgreeWith<T>(
        this Matrix<T> ours, Matrix<T> theirs, Tolerance? tolerance = null, [CallerArgumentExpression(nameof(ours))] string what = "")
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T> => Assert(Difference.Between(ours, theirs, tolerance), what);

    private static void Assert(Difference difference, string what) =>
        difference.IsWithinTolerance.Should().BeTrue("{0} is to agree; {1}", what, difference);
}
