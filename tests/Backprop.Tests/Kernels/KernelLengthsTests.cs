using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;
using Backprop.Simd;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Kernels;

/// <summary>No kernel makes a pointer from a span before the lengths were compared: one entry too few or too many, in any operand, is refused.</summary>
public abstract class KernelLengthsTests<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int N = 5, K = 3, M = 4;

    /// <summary>From two channels of 3 x 4 pixels to three of 2 x 3.</summary>
    private static readonly ConvolutionShape Shape = ConvolutionSizes.Of("", new(2, 3, 4), "", 3, 2, 1, 0, 1, 1, PaddingMode.Zeros);

    private static readonly ConvolutionShape Pixels = ConvolutionSizes.Of("", new(2, 3, 4), "", 3, 1, 1, 0, 1, 1, PaddingMode.Zeros);

    /// <summary>A kernel, as a function of its operands' lengths, and the lengths that fit.</summary>
    private static readonly (string Name, int[] Lengths, Action<T[][]> Run)[] Exact =
    [
        ("X W^T + b", [N * K, M * K, M, N * M], a => Products.TimesTransposed<T>(a[0], a[1], a[2], a[3], N, K, M)),
        ("A B", [N * M, M * K, N * K], a => Products.Times<T>(a[0], a[1], a[2], N, M, K)),
        ("C + A^T B", [N * M, N * K, M * K], a => Products.AddTransposeTimes<T>(a[0], a[1], a[2], N, M, K)),
        ("column sums", [N * K, K], a => Reductions.AddColumnSums<T>(a[0], N, a[1])),
        ("row normalization", [N * K, K, K, N * K], a => RowNormalization.Forward(true, T.One, a[0], a[1], a[2], new Moments<T>(), a[3], N, K)),
        ("row normalization, backward", [N * K, N * K, K, K, K, N * K], a => RowNormalization.Backward(true, a[0], a[1], a[2], Moments(N), a[3], a[4], a[5], N, K)),
        ("column normalization", [N * K, K, K, N * K], a => ColumnNormalization.Forward(true, T.One, a[0], a[1], a[2], Moments(K), a[3], N, K)),
        ("column normalization, backward", [N * K, N * K, K, K, K, N * K], a => ColumnNormalization.Backward(true, a[0], a[1], a[2], Moments(K), a[3], a[4], a[5], N, K)),
        ("softmax", [N * K, N * K], a => SoftmaxRows.Forward<T>(a[0], a[1], N, K)),
        ("softmax, backward", [N * K, N * K, N * K], a => SoftmaxRows.Backward<T>(a[0], a[1], a[2], N, K)),
        ("log softmax", [N * K, N * K], a => SoftmaxRows.LogForward<T>(a[0], a[1], N, K)),
        ("log softmax, backward", [N * K, N * K, N * K], a => SoftmaxRows.LogBackward<T>(a[0], a[1], a[2], N, K)),
        ("attention", [12, 16, 16, 2, 24, 24, 12], a => Attention.Forward<T>(new(2, 3, 4, 1, 2, 0, false), a[0], a[1], a[2], Whole(a[3], 4), null, a[4], a[5], a[6])),
        ("attention, backward", [12, 16, 16, 24, 24, 12, 12, 16, 16], a => Attention.Backward<T>(new(2, 3, 4, 1, 2, 0, true), a[0], a[1], a[2], [], null, a[3], a[4], a[5], a[6], a[7], a[8])),
        ("mean over time", [2 * N * K, N * K], a => OverTime.Mean<T>(a[0], [], a[1], N, 2, K)),
        ("mean over time, backward", [N * K, 2 * N * K], a => OverTime.MeanBackward<T>(a[0], [], a[1], N, 2, K)),
        ("maximum over time", [2 * N * K, N * K], a => OverTime.Max<T>(a[0], [], a[1], new int[N * K], N, 2, K)),
        ("maximum over time, backward", [N * K, 2 * N * K], a => OverTime.Put<T>(a[0], new int[N * K], a[1], N, 2, K)),
        ("last step", [2 * N * K, N * K], a => OverTime.Last<T>(a[0], [], a[1], N, 2, K)),
        ("last step, backward", [N * K, 2 * N * K], a => OverTime.LastBackward<T>(a[0], [], a[1], N, 2, K)),
        ("rows to steps", [2 * N * K, 2 * N * K], a => OverTime.Split<T>(a[0], a[1], N, 2, K)),
        ("steps to rows", [2 * N * K, 2 * N * K], a => OverTime.Join<T>(a[0], a[1], N, 2, K)),
        ("convolution", [2 * 24, 3 * 8, 3, 2 * 18], a => new Convolution<T>(Shape).Forward(a[0], a[1], a[2], a[3], 2)),
        ("convolution, input", [2 * 18, 3 * 8, 2, 2 * 24], a => new Convolution<T>(Shape).InputGradient(a[0], a[1], a[2], a[3], 2)),
        ("convolution, weight", [2 * 24, 2 * 18, 3 * 8], a =>
        {
            var convolution = new Convolution<T>(Shape);
            convolution.KeepInput(new T[2 * 24], 2);
            convolution.AddWeightGradient(a[0], a[1], a[2], 2);
        }),
        ("convolution of single pixels", [2 * 24, 3 * 2, 3, 2 * 36], a => new Convolution<T>(Pixels).Forward(a[0], a[1], a[2], a[3], 2)),
        ("convolution of single pixels, input", [2 * 36, 3 * 2, 2 * 24], a => new Convolution<T>(Pixels).InputGradient(a[0], a[1], [], a[2], 2)),
        ("convolution of single pixels, weight", [2 * 24, 2 * 36, 3 * 2], a => new Convolution<T>(Pixels).AddWeightGradient(a[0], a[1], a[2], 2)),
        ("resampling", [2 * 24, 2 * 12], a => Resampling.Forward<T>(a[0], a[1], Shape.Input, new(2, 2, 3), Windows<T>.Adaptive(3, 2), Windows<T>.Adaptive(4, 3), null, 2)),
        ("resampling, backward", [2 * 12, 2 * 24], a => Resampling.Backward<T>(a[0], a[1], Shape.Input, new(2, 2, 3), Windows<T>.Adaptive(3, 2), Windows<T>.Adaptive(4, 3), null, 2)),
        ("largest of windows", [2 * 24, 2 * 12, 2 * 12], a => MaxPooling.Forward<T>(a[0], a[1], a[2], Shape.Input, new(2, 2, 3), Windows<T>.Adaptive(3, 2), Windows<T>.Adaptive(4, 3), 2)),
        ("largest of windows, backward", [2 * 12, 2 * 12, 2 * 24], a => MaxPooling.Backward<T>(a[0], a[1], a[2], Shape.Input, new(2, 2, 3), Windows<T>.Adaptive(3, 2), Windows<T>.Adaptive(4, 3), 2)),
        ("update", [N, N, N, N, N], a => new Update<T, Rule>(default, [], 0, 0, null, null, null).Move<Scalar<T>>(a[0], a[1], a[2], a[3], a[4])),
    ];

    /// <summary>Likewise, where an operand may be longer than what is read of it.</summary>
    private static readonly (string Name, int[] Lengths, Action<T[][]> Run)[] AtLeast =
    [
        ("recurrence", [2 * 4 * K, 2 * 4 * K, 2 * K, 2 * K, 2 * K, 2 * K, 2 * K, 2 * K, 2], a => Recurrence.Forward<T, Unit>(default, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], 2, K, 4 * K, K, K)),
        ("recurrence, backward", [2 * 4 * K, 2 * K, 2 * K, 2 * K, 2 * K, 2, 2 * 4 * K, 2 * 4 * K, 2 * K, 2 * K, 2 * K],
            a => Recurrence.Backward<T, Unit>(default, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], 2, K, 4 * K, K, K)),
        ("rows turned", [6 * K, 5 * (K + 1) + K], a => RowByRow.From<T>(a[0], a[1], 2, 3, K, K + 1)),
        ("rows turned back", [5 * (K + 1) + K, 6 * K], a => RowByRow.To<T>(a[0], a[1], 2, 3, K, K + 1)),
        ("table on steps", [2 * N * K, (K - 1) * (N + 2) + N, 2 * N * K], a => OverTime.AddTable<T>(a[0], a[1], a[2], 2, N, K, N + 2)),
        ("steps on table", [2 * N * K, (K - 1) * (N + 2) + N], a => OverTime.AddToTable<T>(a[0], a[1], 2, N, K, N + 2)),
        ("rows beyond a length", [6 * K], a => RowByRow.ClearBeyond<T>(a[0], [3, 1], 3, K)),
        ("product of rows", [2 * N - 1, 2 * Padded], a => RowByRow.TimesTransposed(a[0], N, Weight(N - 1), a[1], Padded, 2)),
        ("product of rows, here", [2 * N - 1, 2 * Padded], a => RowByRow.TimesTransposedHere(a[0], N, Weight(N - 1), a[1], Padded, 2)),
        ("product of rows, transposed", [N + 2, N + K, 2 * K], a => RowByRow.AddTransposeTimes<T>(a[0], N, a[1], N, a[2], 2, 2, K)),
        ("column sums of rows", [N + K], a => RowByRow.AddColumnSums<T>(a[0], N, new T[K], 2)),
        ("log of a sum of exponentials", [(K - 1) * N + 2], a => CrossEntropy.LogSumExp<T>(a[0], N, K, new T[2], new T[2])),
        ("cross entropy", [(K - 1) * N + 2, 2, 2, (K - 1) * N + 2], a => CrossEntropy.Losses<T>(a[0], N, K, a[1], a[2], new T[K], a[3], T.One, T.One, new T[2])),
        ("cross entropy, backward", [(K - 1) * N + 2, (K - 1) * N + 2, (K - 1) * N + 2], a => CrossEntropy.Gradient<T>(a[0], N, K, new T[2], new T[2], new T[K], a[1], T.One, T.One, a[2], [], [])),
    ];

    public static TheoryData<string> Names => [.. Exact.Concat(AtLeast).Select(kernel => kernel.Name)];

    [Theory, MemberData(nameof(Names))]
    public void A_span_of_another_length_is_refused_before_anything_is_written(string name)
    {
        var exact = Exact.Any(kernel => kernel.Name == name);
        var (_, lengths, run) = Exact.Concat(AtLeast).Single(kernel => kernel.Name == name);
        run(Operands(lengths));
        for (var operand = 0; operand < lengths.Length; operand++)
        {
            foreach (var difference in exact ? (int[])[-1, 1] : [-1])
            {
                int[] wrong = [.. lengths];
                wrong[operand] += difference;
                var operands = Operands(wrong);
                var act = () => run(operands);
                act.Should().Throw<ArgumentException>("operand {0} has {1} entries instead of {2}", operand, wrong[operand], lengths[operand]);
                operands.SelectMany(values => values).Should().AllBeEquivalentTo(T.One);
            }
        }
    }

    [Fact]
    public void Sizes_that_are_negative_or_multiply_beyond_an_int_are_refused()
    {
        T[] six = new T[6], none = [];
        new Action[]
        {
            () => SoftmaxRows.Forward<T>(six, new T[6], -2, -3),
            () => Products.Times<T>(six, six, new T[4], -2, -3, -2),
            () => SoftmaxRows.Forward<T>(none, none, 1 << 16, 1 << 16),
            () => Products.TimesTransposed<T>(none, none, [], none, 1 << 16, 1 << 16, 1 << 16),
            () => Reductions.AddColumnSums<T>(none, 1 << 31, new T[2]),
            () => CrossEntropy.LogSumExp<T>(six, 1 << 30, 5, new T[2], new T[2]),
            () => CrossEntropy.LogSumExp<T>(six, 1, 3, new T[2], new T[2]),
            () => CrossEntropy.LogSumExp<T>(six, 2, -1, new T[2], new T[2]),
            () => Attention.Forward<T>(new(-2, 3, 1, 1, -1, 0, false), six, new T[2], new T[2], [], null, [], six, six),
            () => Attention.Forward<T>(new(1, 3, 1, 1, 2, -1, true), six, new T[2], new T[2], [], null, [], new T[3], six),
            () => Attention.Forward<T>(new(1 << 16, 1 << 16, 1, 1, 1, 0, false), none, none, none, [], null, [], none, none),
        }.Should().AllSatisfy(act => act.Should().Throw<ArgumentException>());
    }

    [Fact]
    public void Moments_of_another_batch_are_refused()
    {
        T[] x = new T[N * K];
        new Action[]
        {
            () => RowNormalization.Backward(true, x, x, [], Moments(N - 1), [], [], new T[N * K], N, K),
            () => ColumnNormalization.Forward(false, T.One, x, [], [], Moments(K + 1), new T[N * K], N, K),
            () => ColumnNormalization.Backward(true, x, x, [], Moments(K - 1), [], [], new T[N * K], N, K),
        }.Should().AllSatisfy(act => act.Should().Throw<ArgumentException>());
    }

    [Fact]
    public void Matrices_without_rows_or_columns_are_empty_and_no_error()
    {
        T[] none = [];
        foreach (var (rows, columns) in ((int, int)[])[(0, 0), (3, 0), (0, 3)])
        {
            SoftmaxRows.Forward<T>(none, none, rows, columns);
            SoftmaxRows.Backward<T>(none, none, none, rows, columns);
            SoftmaxRows.LogForward<T>(none, none, rows, columns);
            SoftmaxRows.LogBackward<T>(none, none, none, rows, columns);
            RowNormalization.Forward(true, T.One, none, [], [], new Moments<T>(), none, rows, columns);
            ColumnNormalization.Forward(true, T.One, none, [], [], Moments(columns), none, rows, columns);
            Reductions.AddColumnSums<T>(none, rows, new T[columns]);
            CrossEntropy.LogSumExp<T>(none, rows, columns, new T[rows], new T[rows]);
        }

        T[] sums = [T.NaN, T.NaN];
        Products.Times<T>(none, none, sums, 2, 0, 1);
        sums.Should().AllBeEquivalentTo(T.Zero, "a sum of no products is 0");
    }

    [Fact]
    public unsafe void Sums_of_nearly_two_to_the_31_entries_end()
    {
        // Pages that are only read cost no memory. In double, or without vectors, this would take longer and show nothing else.
        if (typeof(T) != typeof(float) || !OperatingSystem.IsLinux() || Dispatch.Bytes < 32) Assert.Skip("Once, in float, with vectors, where the system gives address space without memory.");
        using var memory = AddressSpace.Reserve(int.MaxValue * (long)sizeof(T));
        if (memory is null) Assert.Skip("The system gives no address space of 8 GB.");
        var x = memory.Span<T>(int.MaxValue);
        (x[0], x[^1]) = (T.One, T.CreateChecked(3));
        Reductions.Sum<T>(x).Should().Be(4);
        var product = new T[1];
        Products.Times<T>(x, x, product, 1, int.MaxValue, 1);
        product[0].Should().Be(T.CreateChecked(10));
    }

    private static int Padded => Weight(1).PaddedOutputs;

    private static PackedWeight<T> Weight(int inputs) => new(2, inputs);

    private static int[] Whole(T[] lengths, int length) => Array.ConvertAll(lengths, _ => length);

    [Fact]
    public void Rows_that_are_not_there_are_refused()
    {
        T[] y = new T[N * K], step = new T[2 * 4 * K], state = new T[2 * K];
        new Action[]
        {
            () => Recurrence.Forward<T, Unit>(default, step, step, state, state, state, state, state, state, [], -1, K, 4 * K, K, K),
            () => Recurrence.Forward<T, Unit>(default, step, step, state, state, state, state, state, state, [], 1, 1 << 30, 4, 1 << 30, 1 << 30),
            () => Recurrence.Backward<T, Unit>(default, step, state, state, state, state, [], step, step, state, state, state, 2, K, 4 * K, K - 1, K),
            () => RowByRow.From<T>(new T[6], new T[6], 2, 3, 1, 0),
            () => RowByRow.ClearBeyond<T>(new T[5], [1, 1], 3, 1),
            () => OverTime.Mean<T>(new T[2 * N * K], [1], y, N, 2, K),
            () => OverTime.Max<T>(new T[2 * N * K], [], y, new int[1], N, 2, K),
            () => OverTime.Put<T>(y, new int[1], new T[2 * N * K], N, 2, K),
        }.Should().AllSatisfy(act => act.Should().Throw<ArgumentException>());
    }

    /// <summary>A cell that has everything a cell may have.</summary>
    private readonly struct Unit : ICell<T>
    {
        public static int Gates => 4;

        public static bool HasMemory => true;

        public static bool Keeps => true;

        public static bool Splits => true;

        public static GateFunction Activated(int gate) => GateFunction.None;

        public V Forward<V>(ref V first, ref V second, ref V third, ref V fourth, V thirdOfH, V h, ref V c, out V kept) where V : unmanaged, IVector<V, T> => kept = h;

        public V Backward<V>(ref V first, ref V second, ref V third, ref V fourth, V kept, V h, V c, V dH, ref V dC, out V dThirdOfH) where V : unmanaged, IVector<V, T> => dThirdOfH = h;
    }

    private static Moments<T> Moments(int count)
    {
        var moments = new Moments<T>();
        moments.Clear(count);
        return moments;
    }

    private static T[][] Operands(int[] lengths) => Array.ConvertAll(lengths, length =>
    {
        var values = new T[length];
        Array.Fill(values, T.One);
        return values;
    });

    private readonly struct Rule : IUpdateRule<T>
    {
        public static int Buffers => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V a, ref V b, ref V c) where V : unmanaged, IVector<V, T> => p -= g;
    }
}

public sealed class KernelLengthsDoubleTests : KernelLengthsTests<double>;

public sealed class KernelLengthsSingleTests : KernelLengthsTests<float>;
