using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Backprop.Kernels;
using Backprop.Simd;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Kernels;

/// <summary>
/// Every kernel with every operand beside a page that may not be touched, once before it and once behind: an access beyond an operand ends the process. What
/// comes out has the bits of the <see cref="Reference"/>.
/// </summary>
public abstract class GuardPageTests<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private static readonly Beside[] Sides = [Beside.PageBefore, Beside.PageBehind];

    // Rows, columns, inner dimension: the paths for few, and around the tile, the vector, the blocks (192 rows, 1024 columns, 256 links), the sizes from which
    // operands are packed (7 rows, 48) and that from which products are split among threads (131,072 multiply-adds).
    private static readonly (int Rows, int Columns, int Inner)[] Products =
    [
        (1, 1, 1), (1, 9, 7), (9, 1, 5), (5, 4, 9), (3, 31, 2), (17, 6, 8), (31, 7, 13), (33, 13, 33), (47, 47, 20), (48, 48, 21), (49, 49, 22),
        (49, 50, 255), (50, 49, 256), (51, 48, 257), (191, 50, 60), (192, 49, 61), (193, 61, 70), (385, 50, 9),
        (50, 1023, 11), (49, 1024, 12), (48, 1025, 13), (1023, 49, 11), (1024, 48, 12), (1025, 50, 13), (193, 1025, 65), (97, 98, 513), (1, 600, 300), (2, 300, 300), (600, 1, 300),
        (1, 16, 11), (3, 40, 20), (4, 33, 700), (5, 17, 9), (6, 512, 256), (7, 100, 300), (13, 600, 130), (31, 64, 257), (46, 75, 300),
    ];

    private static readonly int[] Rows = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 200];

    private readonly List<GuardedMemory> _memory = [];
    private int _used;

    [Fact]
    public void Products_stay_within_their_operands()
    {
        foreach (var (rows, columns, inner) in Products)
        {
            T[] a = Values(rows * inner, 1), b = Values(columns * inner, 2), bias = Values(columns, 3), before = Values(rows * columns, 4);
            T[] timesTransposed = Reference.TimesTransposed(a, b, bias, rows, inner, columns), unbiased = Reference.TimesTransposed(a, b, [], rows, inner, columns);
            T[] times = Reference.Times(a, b, rows, inner, columns), added = Reference.AddTransposeTimes(a, b, before, inner, rows, columns);
            OnBothSides($"{rows}x{columns}, {inner} links", place =>
            {
                var y = place.Garbage(rows * columns);
                Backprop.Kernels.Products.TimesTransposed<T>(place.Of(a), place.Of(b), place.Of(bias), y, rows, inner, columns);
                place.Same(y, timesTransposed);
                Backprop.Kernels.Products.TimesTransposed<T>(place.Of(a), place.Of(b), [], y, rows, inner, columns);
                place.Same(y, unbiased);
            });
            OnBothSides($"{rows}x{columns}, {inner} links", place =>
            {
                var c = place.Garbage(rows * columns);
                Backprop.Kernels.Products.Times<T>(place.Of(a), place.Of(b), c, rows, inner, columns);
                place.Same(c, times);
            });
            OnBothSides($"{rows}x{columns}, {inner} links", place =>
            {
                var c = place.Of(before);
                Backprop.Kernels.Products.AddTransposeTimes<T>(place.Of(a), place.Of(b), c, inner, rows, columns);
                place.Same(c, added);
            });
        }
    }

    // Input channels, outputs, height, width, kernel, stride, padding, mode, groups, samples: runs around vectors and blocks of 128, more taps than a block of 256, panels of one to six columns, few and packed ones.
    private static readonly (int Inputs, int Outputs, int Height, int Width, int Kernel, int Stride, int Padding, PaddingMode Mode, int Groups, int Samples)[] Convolutions =
    [
        (1, 1, 1, 1, 1, 1, 0, PaddingMode.Zeros, 1, 1), (1, 7, 5, 4, 3, 1, 1, PaddingMode.Zeros, 1, 1), (2, 13, 4, 3, 2, 1, 0, PaddingMode.Zeros, 1, 7), (3, 5, 6, 7, 3, 2, 1, PaddingMode.Zeros, 1, 9),
        (4, 6, 5, 5, 3, 1, 2, PaddingMode.Reflect, 2, 5), (4, 4, 5, 5, 3, 3, 1, PaddingMode.Circular, 4, 17), (30, 19, 4, 5, 3, 1, 1, PaddingMode.Zeros, 1, 3), (33, 14, 3, 3, 3, 2, 1, PaddingMode.Replicate, 1, 16),
        (2, 3, 3, 65, 3, 1, 1, PaddingMode.Zeros, 1, 2), (1, 2, 3, 9, 1, 2, 0, PaddingMode.Zeros, 1, 33), (16, 32, 8, 8, 3, 1, 1, PaddingMode.Zeros, 1, 33),
    ];

    [Fact]
    public void Convolutions_stay_within_their_operands()
    {
        foreach (var (inputs, outputs, height, width, kernel, stride, padding, mode, groups, samples) in Convolutions)
        {
            var shape = ConvolutionSizes.Of("", new(inputs, height, width), "", outputs, kernel, stride, padding, 1, groups, mode);
            T[] x = Values(samples * shape.Input.Columns, 1), w = Values(outputs * shape.Taps, 2), bias = Values(outputs, 3), dY = Values(samples * shape.Output.Columns, 4), biasOfInputs = Values(inputs, 5);
            T[] y = new T[dY.Length], dX = new T[x.Length], dW = Values(w.Length, 6);
            var apart = new Convolution<T>(shape);
            apart.Forward(x, w, bias, y, samples);
            apart.InputGradient(dY, w, biasOfInputs, dX, samples);
            apart.AddWeightGradient(x, dY, dW, samples);
            OnBothSides($"{shape}, {samples}", place =>
            {
                var convolution = new Convolution<T>(shape);
                var guarded = place.Garbage(dY.Length);
                convolution.Forward(place.Of(x), place.Of(w), place.Of(bias), guarded, samples);
                place.Same(guarded, y);
                var added = place.Of(Values(w.Length, 6));
                convolution.AddWeightGradient(place.Of(x), place.Of(dY), added, samples);
                place.Same(added, dW);
            });
            OnBothSides($"{shape}, {samples}", place =>
            {
                var guarded = place.Garbage(dX.Length);
                new Convolution<T>(shape).InputGradient(place.Of(dY), place.Of(w), place.Of(biasOfInputs), guarded, samples);
                place.Same(guarded, dX);
            });
        }
    }

    [Fact]
    public void Windows_over_images_stay_within_their_operands()
    {
        ImageShape input = new(3, 5, 4), output = new(3, 3, 4);
        var (rows, columns) = (Windows<T>.Moving(5, 3, 3, 2, 1, 1, countPadding: true), Windows<T>.Moving(4, 4, 2, 1, 1, 1, countPadding: false));
        foreach (var samples in Rows)
        {
            T[] x = Values(samples * input.Columns, 1), dY = Values(samples * output.Columns, 2), y = new T[dY.Length], largest = new T[dY.Length], places = new T[dY.Length], dX = new T[x.Length], dXOfLargest = new T[x.Length];
            Resampling.Forward<T>(x, y, input, output, rows, columns, null, samples);
            Resampling.Backward<T>(dY, dX, input, output, rows, columns, null, samples);
            MaxPooling.Forward<T>(x, largest, places, input, output, rows, columns, samples);
            MaxPooling.Backward<T>(dY, places, dXOfLargest, input, output, rows, columns, samples);
            OnBothSides($"{samples}", place =>
            {
                Span<T> means = place.Garbage(y.Length), maxima = place.Garbage(y.Length), at = place.Garbage(y.Length);
                Resampling.Forward<T>(place.Of(x), means, input, output, rows, columns, null, samples);
                place.Same(means, y);
                MaxPooling.Forward<T>(place.Of(x), maxima, at, input, output, rows, columns, samples);
                place.Same(maxima, largest);
                place.Same(at, places);
            });
            OnBothSides($"{samples}", place =>
            {
                Span<T> back = place.Garbage(x.Length), backOfLargest = place.Garbage(x.Length);
                Resampling.Backward<T>(place.Of(dY), back, input, output, rows, columns, null, samples);
                place.Same(back, dX);
                MaxPooling.Backward<T>(place.Of(dY), place.Of(places), backOfLargest, input, output, rows, columns, samples);
                place.Same(backOfLargest, dXOfLargest);
            });
        }
    }

    [Fact]
    public void Functions_of_elements_and_their_sums_stay_within_their_operands()
    {
        foreach (var length in (int[])[.. Enumerable.Range(0, 70), 4095, 4096, 4097, 8193])
        {
            T[] x = Values(length, 1), y = Values(length, 2), z = Values(length, 3);
            T[] unary = [.. x.Select(v => v * v)], binary = [.. x.Zip(y, (v, w) => v - w)], ternary = [.. x.Zip(y, (v, w) => v * w).Zip(z, (v, w) => v - w)];
            OnBothSides($"{length}", place =>
            {
                Span<T> px = place.Of(x), py = place.Of(y), pz = place.Of(z), result = place.Garbage(length);
                Elementwise.Map(default(Square), px, result);
                place.Same(result, unary);
                Elementwise.Map(default(Difference), px, py, result);
                place.Same(result, binary);
                Elementwise.Map(default(ProductMinus), px, py, pz, result);
                place.Same(result, ternary);
                Reductions.Sum(default(Square), px).Should().Be(Reference.Sum(unary));
                Reductions.Sum(default(Difference), px, py).Should().Be(Reference.Sum(binary));
                Reductions.Sum(default(ProductMinus), px, py, pz).Should().Be(Reference.Sum(ternary));
            });
        }
    }

    [Fact]
    public void Column_sums_stay_within_their_operands()
    {
        foreach (var (rows, columns) in Shapes())
        {
            T[] x = Values(rows * columns, 1), before = Values(columns, 2), expected = Reference.AddColumnSums(x, rows, before);
            OnBothSides($"{rows}x{columns}", place =>
            {
                var sums = place.Of(before);
                Reductions.AddColumnSums(place.Of(x), rows, sums);
                place.Same(sums, expected);
            });
        }
    }

    [Fact]
    public void Steps_of_recurrent_layers_stay_within_their_operands()
    {
        foreach (var rows in Rows)
        {
            foreach (var units in (int[])[1, 3, 8, 17])
                foreach (var apart in (int[])[0, 5])
                {
                    var (row, rowOfGates) = (units + apart, 4 * units + apart);
                    T[] gates = Values(rows * rowOfGates, 1), ofH = Values(rows * rowOfGates, 2), state = Values((rows - 1) * row + units, 3), mask = [.. Values(rows, 4).Select(v => v > T.Zero ? T.One : T.Zero)], dY = Values(state.Length, 5);
                    OnBothSides($"{rows} rows of {units} units, {apart} apart", place =>
                    {
                        Span<T> g = place.Of(gates), kept = place.Garbage(state.Length), before = place.Of(state), h = place.Garbage(state.Length), c = place.Garbage(state.Length), y = place.Garbage(state.Length), there = place.Of(mask);
                        Recurrence.Forward<T, Carry>(default, g, place.Of(ofH), kept, before, h, place.Of(state), c, y, there, rows, units, rowOfGates, row, row);
                        Span<T> dGates = place.Garbage(gates.Length), dOfH = place.Garbage(gates.Length), straight = place.Of(state), dC = place.Of(state);
                        Recurrence.Backward<T, Carry>(default, g, kept, before, place.Of(state), place.Of(dY), there, dGates, dOfH, place.Of(state), straight, dC, rows, units, rowOfGates, row, row);
                        for (var i = 0; i < state.Length; i++)
                        {
                            if (i % row >= units) continue;
                            (h[i], c[i]).Should().Be((state[i], state[i]));
                            y[i].Should().Be(mask[i / row] > T.Zero ? state[i] : T.Zero);
                            straight[i].Should().Be(dY[i] + (state[i] + state[i]));
                        }
                    });
                }
        }
    }

    [Fact]
    public void Rows_of_sequences_that_are_turned_stay_within_their_operands()
    {
        foreach (var sequences in (int[])[1, 2, 3, 4, 5, 9, 16, 33])
            foreach (var steps in (int[])[1, 3, 4, 7, 16])
                foreach (var columns in (int[])[1, 2, 5, 8])
                {
                    var (rows, stride) = (sequences * steps, columns + columns % 3);
                    var x = Values(rows * columns, 1);
                    OnBothSides($"{sequences} sequences of {steps} steps", place =>
                    {
                        Span<T> turned = place.Garbage((rows - 1) * stride + columns), back = place.Garbage(x.Length), split = place.Garbage(x.Length), joined = place.Garbage(x.Length);
                        RowByRow.From<T>(place.Of(x), turned, sequences, steps, columns, stride);
                        for (var i = 0; i < rows * columns; i++) turned[(i / columns) * stride + i % columns].Should().Be(x[i % columns * rows + i / columns % sequences * steps + i / columns / sequences]);
                        RowByRow.To<T>(turned, back, sequences, steps, columns, stride);
                        place.Same(back, x);
                        OverTime.Split<T>(place.Of(x), split, sequences, steps, columns);
                        OverTime.Join<T>(split, joined, sequences, steps, columns);
                        place.Same(joined, x);
                        T[] table = Values(columns * (steps + 2), 2);
                        Span<T> sum = place.Garbage(x.Length), sums = place.Of(table[2..]);
                        OverTime.AddTable<T>(place.Of(x), place.Of(table[2..]), sum, sequences, steps, columns, steps + 2);
                        OverTime.AddToTable<T>(place.Of(x), sums, sequences, steps, columns, steps + 2);
                        for (var j = 0; j < columns; j++)
                            for (var t = 0; t < steps; t++)
                            {
                                var expected = table[2 + j * (steps + 2) + t];
                                for (var n = 0; n < sequences; n++)
                                {
                                    sum[(j * sequences + n) * steps + t].Should().Be(x[(j * sequences + n) * steps + t] + table[2 + j * (steps + 2) + t]);
                                    expected += x[(j * sequences + n) * steps + t];
                                }

                                sums[j * (steps + 2) + t].Should().Be(expected);
                            }
                    });
                }
    }

    /// <summary>What comes out is what it is in ordinary memory, which the tests of the layer hold against PyTorch.</summary>
    [Fact]
    public void Attention_stays_within_its_operands()
    {
        foreach (var steps in (int[])[1, 2, 3, 5, 8, 17, 33, 70])
            foreach (var (sequences, heads, width) in ((int, int, int)[])[(1, 1, 2), (2, 1, 4), (1, 2, 18)])
                foreach (var turned in (bool[])[false, true])
                {
                    var (shape, rows) = (new AttentionShape(sequences, steps, steps, heads, width, 0, Causal: steps % 2 == 0), sequences * steps);
                    var (size, weights) = (rows * shape.Columns, rows * heads * steps);
                    T[] q = Values(size, 1), k = Values(size, 2), v = Values(size, 3), dO = Values(size, 4), mask = Values(weights, 5), expected = new T[weights], o = new T[size], dQ = new T[size], dK = new T[size], dV = new T[size];
                    int[] lengths = [.. Enumerable.Range(0, sequences).Select(n => Math.Max(1, steps - n - 1))];
                    var rotation = turned ? new RotationTable<T>(steps, width, 50) : null;
                    Attention.Forward<T>(shape, q, k, v, lengths, rotation, mask, expected, o);
                    Attention.Backward<T>(shape, q, k, v, lengths, rotation, mask, expected, dO, dQ, dK, dV);
                    OnBothSides($"{shape}", place =>
                    {
                        Span<T> a = place.Garbage(weights), output = place.Garbage(size);
                        Attention.Forward<T>(shape, place.Of(q), place.Of(k), place.Of(v), lengths, rotation, place.Of(mask), a, output);
                        place.Same(a, expected);
                        place.Same(output, o);
                    });
                    OnBothSides($"{shape}", place =>
                    {
                        Span<T> ofQ = place.Garbage(size), ofK = place.Garbage(size), ofV = place.Garbage(size);
                        Attention.Backward<T>(shape, place.Of(q), place.Of(k), place.Of(v), lengths, rotation, place.Of(mask), place.Of(expected), place.Of(dO), ofQ, ofK, ofV);
                        place.Same(ofQ, dQ);
                        place.Same(ofK, dK);
                        place.Same(ofV, dV);
                    });
                }
    }

    [Fact]
    public void Products_of_rows_that_lie_one_after_the_other_stay_within_their_operands()
    {
        foreach (var rows in (int[])[1, 2, 3, 5, 6, 7, 13, 40])
            foreach (var (inputs, outputs) in ((int, int)[])[(1, 1), (3, 5), (7, 16), (16, 17), (5, 70), (300, 33)])
                foreach (var apart in (int[])[0, 3])
                {
                    T[] weight = Values(outputs * inputs, 1), bias = Values(outputs, 2), x = Values(rows * inputs, 3), dY = Values(rows * outputs, 4), sums = Values(outputs, 5), dW = Values(weight.Length, 6);
                    var packed = new PackedWeight<T>(weight, bias, outputs, inputs);
                    var turned = new PackedWeight<T>(inputs, outputs);
                    turned.FillTransposed(weight);
                    int rowOfX = inputs + apart, rowOfY = packed.PaddedOutputs + apart, rowOfDY = outputs + apart, rowOfDX = turned.PaddedOutputs + apart;
                    T[] y = Reference.TimesTransposed(x, weight, bias, rows, inputs, outputs), dX = Reference.Times(dY, weight, rows, outputs, inputs), expected = Reference.AddTransposeTimes(dY, x, dW, rows, outputs, inputs);
                    OnBothSides($"{rows}x{inputs} -> {outputs}, {apart} apart", place =>
                    {
                        Span<T> xs = place.Of(InRows(x, rows, rowOfX)), dYs = place.Of(InRows(dY, rows, rowOfDY)), ys = place.Garbage((rows - 1) * rowOfY + packed.PaddedOutputs), dXs = place.Garbage((rows - 1) * rowOfDX + turned.PaddedOutputs);
                        RowByRow.TimesTransposed(xs, rowOfX, packed, ys, rowOfY, rows);
                        place.Same(InColumns(ys, rows, outputs, rowOfY), y);
                        RowByRow.TimesTransposedHere(dYs, rowOfDY, turned, dXs, rowOfDX, rows);
                        place.Same(InColumns(dXs, rows, inputs, rowOfDX), dX);
                        Span<T> gradient = place.Of(dW), sumsOf = place.Of(sums);
                        RowByRow.AddTransposeTimes<T>(dYs, rowOfDY, xs, rowOfX, gradient, rows, outputs, inputs);
                        place.Same(gradient, expected);
                        RowByRow.AddColumnSums<T>(dYs, rowOfDY, sumsOf, rows);
                        for (var j = 0; j < outputs; j++)
                        {
                            var sum = T.Zero;
                            for (var i = 0; i < rows; i++) sum += dY[j * rows + i];
                            sumsOf[j].Should().Be(sums[j] + sum);
                        }

                        // Once more, upon what is there: the chains go on.
                        RowByRow.TimesTransposed(xs, rowOfX, packed, ys, rowOfY, rows, accumulate: true);
                        InColumns(ys, rows, outputs, rowOfY).Should().Equal(Continued(y, x, weight, rows, inputs, outputs));
                    });
                }
    }

    private static T[] InRows(T[] columnMajor, int rows, int stride)
    {
        var columns = columnMajor.Length / rows;
        var result = new T[(rows - 1) * stride + columns];
        for (var i = 0; i < columnMajor.Length; i++) result[i % rows * stride + i / rows] = columnMajor[i];
        return result;
    }

    private static T[] InColumns(ReadOnlySpan<T> inRows, int rows, int columns, int stride)
    {
        var result = new T[rows * columns];
        for (var i = 0; i < result.Length; i++) result[i] = inRows[i % rows * stride + i / rows];
        return result;
    }

    private static T[] Continued(T[] y, T[] x, T[] weight, int rows, int inputs, int outputs)
    {
        var result = (T[])y.Clone();
        for (var j = 0; j < outputs; j++)
            for (var i = 0; i < rows; i++)
                for (var p = 0; p < inputs; p++) result[j * rows + i] = T.MultiplyAddEstimate(x[p * rows + i], weight[p * outputs + j], result[j * rows + i]);
        return result;
    }

    [Theory, InlineData(true, true), InlineData(true, false), InlineData(false, true), InlineData(false, false)]
    public void Row_normalizations_stay_within_their_operands(bool centred, bool affine)
    {
        var epsilon = T.CreateChecked(1e-5);
        foreach (var (rows, columns) in Shapes())
        {
            T[] x = Values(rows * columns, 1), dY = Values(rows * columns, 2), weight = Values(affine ? columns : 0, 3), bias = Values(affine ? columns : 0, 4);
            T[] dWeight = Values(weight.Length, 5), dBias = Values(bias.Length, 6);
            var forward = Reference.NormalizeRows(centred, epsilon, x, weight, bias, rows, columns);
            var backward = Reference.NormalizeRowsBackward(centred, forward, x, dY, weight, dWeight, dBias, rows, columns);
            OnBothSides($"{rows}x{columns}", place =>
            {
                var moments = new Moments<T>();
                Span<T> px = place.Of(x), pw = place.Of(weight), y = place.Garbage(x.Length), pdW = place.Of(dWeight), pdB = place.Of(dBias), dX = place.Garbage(x.Length);
                RowNormalization.Forward(centred, epsilon, px, pw, place.Of(bias), moments, y, rows, columns);
                place.Same(y, forward.Y);
                RowNormalization.Backward(centred, px, place.Of(dY), pw, moments, pdW, pdB, dX, rows, columns);
                place.Same(dX, backward.DX);
                place.Same(pdW, backward.DWeight);
                place.Same(pdB, backward.DBias);
                RowNormalization.Backward(centred, px, place.Of(dY), pw, moments, [], [], [], rows, columns);
            });
        }
    }

    [Theory, InlineData(true, true), InlineData(true, false), InlineData(false, true), InlineData(false, false)]
    public void Column_normalizations_stay_within_their_operands(bool own, bool affine)
    {
        var epsilon = T.CreateChecked(1e-5);
        foreach (var (rows, columns) in Shapes())
        {
            T[] x = Values(rows * columns, 1), dY = Values(rows * columns, 2), weight = Values(affine ? columns : 0, 3), bias = Values(affine ? columns : 0, 4);
            T[] dWeight = Values(weight.Length, 5), dBias = Values(bias.Length, 6), means = Values(columns, 7), variances = [.. Values(columns, 8).Select(v => v * v)];
            var forward = Reference.NormalizeColumns(own ? null : means, variances, epsilon, x, weight, bias, rows, columns);
            var backward = Reference.NormalizeColumnsBackward(own, forward, x, dY, weight, dWeight, dBias, rows, columns);
            OnBothSides($"{rows}x{columns}", place =>
            {
                var moments = new Moments<T>();
                moments.Clear(columns);
                means.CopyTo(moments.Mean);
                variances.CopyTo(moments.Variance);
                Span<T> px = place.Of(x), pw = place.Of(weight), y = place.Garbage(x.Length), pdW = place.Of(dWeight), pdB = place.Of(dBias), dX = place.Garbage(x.Length);
                ColumnNormalization.Forward(own, epsilon, px, pw, place.Of(bias), moments, y, rows, columns);
                place.Same(y, forward.Y);
                ColumnNormalization.Backward(own, px, place.Of(dY), pw, moments, pdW, pdB, dX, rows, columns);
                place.Same(dX, backward.DX);
                place.Same(pdW, backward.DWeight);
                place.Same(pdB, backward.DBias);
                ColumnNormalization.Backward(own, px, place.Of(dY), pw, moments, [], [], [], rows, columns);
            });
        }
    }

    [Fact]
    public void Softmax_stays_within_its_operands()
    {
        foreach (var (rows, columns) in Shapes())
        {
            T[] x = Values(rows * columns, 1), dY = Values(rows * columns, 2);
            T[] softmax = Reference.Softmax(x, rows, columns), log = Reference.LogSoftmax(x, rows, columns);
            T[] gradient = Reference.SoftmaxBackward(softmax, dY, rows, columns), logGradient = Reference.LogSoftmaxBackward(log, dY, rows, columns);
            OnBothSides($"{rows}x{columns}", place =>
            {
                Span<T> px = place.Of(x), y = place.Garbage(x.Length), pdY = place.Of(dY), dX = place.Garbage(x.Length);
                SoftmaxRows.Forward<T>(px, y, rows, columns);
                place.Same(y, softmax);
                SoftmaxRows.Backward<T>(y, pdY, dX, rows, columns);
                place.Same(dX, gradient);
                SoftmaxRows.LogForward<T>(px, y, rows, columns);
                place.Same(y, log);
                SoftmaxRows.LogBackward<T>(y, pdY, dX, rows, columns);
                place.Same(dX, logGradient);
            });
        }
    }

    [Theory, InlineData(true, true), InlineData(true, false), InlineData(false, true), InlineData(false, false)]
    public void Cross_entropy_stays_within_its_operands(bool weighted, bool probabilities)
    {
        T floor = T.CreateChecked(0.25), share = T.CreateChecked(0.75);
        foreach (var (rows, classes) in Shapes())
        {
            // Whole matrices, and the last rows of greater ones: what follows the last entry is not there either.
            foreach (var stride in (int[])[rows, rows + 3])
            {
                var entries = (classes - 1) * stride + rows;
                T[] x = Values(entries, 1), t = Values(probabilities ? entries : 0, 2), weights = Values(weighted ? classes : 0, 3), dL = Values(rows, 4), q = Values(rows, 5), before = Values(entries, 6);
                var (max, logSum) = Reference.LogSumExp(x, rows, stride, classes);
                var losses = Reference.CrossEntropyLosses(x, stride, classes, max, logSum, weights, t, floor, share, rows);
                var gradient = Reference.CrossEntropyGradient(x, stride, classes, dL, q, weights, t, floor, share, before);
                OnBothSides($"{rows}x{classes}, {stride} apart", place =>
                {
                    Span<T> px = place.Of(x), pt = place.Of(t), pw = place.Of(weights), pMax = place.Garbage(rows), pLog = place.Garbage(rows), pLosses = place.Garbage(rows), dX = place.Of(before);
                    CrossEntropy.LogSumExp<T>(px, stride, classes, pMax, pLog);
                    place.Same(pMax, max);
                    place.Same(pLog, logSum);
                    CrossEntropy.Losses<T>(px, stride, classes, pMax, pLog, pw, pt, floor, share, pLosses);
                    place.Same(pLosses, losses);
                    CrossEntropy.Gradient<T>(px, stride, classes, place.Of(dL), place.Of(q), pw, pt, floor, share, dX, pMax, pLog);
                    place.Same(dX, gradient);
                });
            }
        }
    }

    [Fact]
    public void Updates_stay_within_their_operands()
    {
        foreach (var count in Enumerable.Range(0, 70))
        {
            T[] p = Values(count, 1), g = Values(count, 2), a = Values(count, 3), b = Values(count, 4), c = Values(count, 5);
            T[] newA = new T[count], newB = new T[count], newC = new T[count], newP = new T[count];
            for (var i = 0; i < count; i++)
            {
                (newA[i], newB[i], newC[i]) = (a[i] + g[i], b[i] - g[i], c[i] * g[i]);
                newP[i] = p[i] - newA[i] * newB[i] + newC[i];
            }

            OnBothSides($"{count}", place =>
            {
                Span<T> pp = place.Of(p), pa = place.Of(a), pb = place.Of(b), pc = place.Of(c);
                new Move(new(default, [], 0, 0, null, null, null), pp, place.Of(g), pa, pb, pc).Run();
                place.Same(pp, newP);
                place.Same(pa, newA);
                place.Same(pb, newB);
                place.Same(pc, newC);
            });
        }
    }

    public void Dispose()
    {
        _memory.ForEach(memory => memory.Dispose());
        GC.SuppressFinalize(this);
    }

    private static IEnumerable<(int Rows, int Columns)> Shapes() => Rows.SelectMany(rows => ((int[])[1, 2, 5, 63, 64, 65]).Select(columns => (rows, columns)));

    [Fact]
    public void A_predictor_stays_within_its_spans()
    {
        foreach (var (rows, inputs, outputs) in new[] { (1, 1, 1), (1, 7, 40), (2, 64, 32), (5, 33, 10), (7, 256, 16), (97, 20, 9), (200, 3, 32) })
        {
            var model = new Sequential<T>(new Linear<T>(inputs, 19, generator: new Generator(1)), new Tanh<T>(), new Linear<T>(19, outputs, generator: new Generator(2)));
            var (predictor, x) = (model.ToPredictor(), Values(rows * inputs, 3));
            var expected = model.Forward(MathNet.Numerics.LinearAlgebra.Matrix<T>.Build.DenseOfRowMajor(rows, inputs, x)).ToRowMajorArray();
            OnBothSides($"{rows}x{inputs}, {outputs} outputs", place =>
            {
                var y = place.Garbage(rows * outputs);
                predictor.Predict(place.Of(x), y);
                place.Same(y, expected);
            });
        }
    }

    private static T[] Values(int count, int seed) => count == 0 ? [] : Any.Matrix<T>(count, 1, seed).AsColumnMajorArray();

    private void OnBothSides(string size, Action<Place> test)
    {
        foreach (var side in Sides)
        {
            _used = 0;
            test(new(this, side, size));
        }
    }

    /// <summary>Hands out room, each operand's between guarded pages of its own.</summary>
    private readonly struct Place(GuardPageTests<T> owner, Beside side, string size)
    {
        public Span<T> Of(T[] values)
        {
            if (owner._used == owner._memory.Count) owner._memory.Add(new());
            var room = owner._memory[owner._used++].Room<T>(values.Length, side);
            values.CopyTo(room);
            return room;
        }

        public Span<T> Garbage(int count)
        {
            var room = Of(new T[count]);
            room.Fill(T.NaN);
            return room;
        }

        public void Same(Span<T> actual, T[] expected)
        {
            if (MemoryMarshal.AsBytes(actual).SequenceEqual(MemoryMarshal.AsBytes<T>(expected))) return;
            for (var i = 0; i < expected.Length; i++)
                actual[i].Should().Be(expected[i], "entry {0} of {1} is to have the reference's bits, {2}", i, size, side);
            Assert.Fail($"{size}, {side}: a zero has the wrong sign.");
        }
    }

    /// <summary>An update of one parameter, at the width of this machine.</summary>
    private readonly ref struct Move(Update<T, Rule> update, Span<T> p, ReadOnlySpan<T> g, Span<T> a, Span<T> b, Span<T> c)
    {
        private readonly Span<T> _p = p, _a = a, _b = b, _c = c;
        private readonly ReadOnlySpan<T> _g = g;

        public void Run()
        {
            if (Dispatch.Bytes >= 64) update.Move<Simd512<T>>(_p, _g, _a, _b, _c);
            else if (Dispatch.Bytes >= 32) update.Move<Simd256<T>>(_p, _g, _a, _b, _c);
            else if (Dispatch.Bytes >= 16) update.Move<Simd128<T>>(_p, _g, _a, _b, _c);
            else update.Move<Scalar<T>>(_p, _g, _a, _b, _c);
        }
    }

    private readonly struct Rule : IUpdateRule<T>
    {
        public static int Buffers => 3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V a, ref V b, ref V c) where V : unmanaged, IVector<V, T>
        {
            a += g;
            b -= g;
            c *= g;
            p = p - a * b + c;
        }
    }

    /// <summary>A cell that has everything a cell may have, and carries its state on.</summary>
    private readonly struct Carry : ICell<T>
    {
        public static int Gates => 4;

        public static bool HasMemory => true;

        public static bool Keeps => true;

        public static bool Splits => true;

        public static GateFunction Activated(int gate) => gate == 1 ? GateFunction.Tanh : gate == 3 ? GateFunction.Sigmoid : GateFunction.None;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Forward<V>(ref V first, ref V second, ref V third, ref V fourth, V thirdOfH, V h, ref V c, out V kept) where V : unmanaged, IVector<V, T>
        {
            kept = c;
            return h;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Backward<V>(ref V first, ref V second, ref V third, ref V fourth, V kept, V h, V c, V dH, ref V dC, out V dThirdOfH) where V : unmanaged, IVector<V, T>
        {
            dThirdOfH = third;
            return dH;
        }
    }

    private readonly struct Square : IUnary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x) where V : unmanaged, IVector<V, T> => x * x;
    }

    private readonly struct Difference : IBinary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y) where V : unmanaged, IVector<V, T> => x - y;
    }

    private readonly struct ProductMinus : ITernary<T>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Invoke<V>(V x, V y, V z) where V : unmanaged, IVector<V, T> => x * y - z;
    }
}

public sealed class GuardPageDoubleTests : GuardPageTests<double>;

public sealed class GuardPageSingleTests : GuardPageTests<float>;
