using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Scaled dot-product attention, A = softmax(Q K^T / √d) and O = A V for each sequence and head, and its derivative.</summary>
/// <remarks>
/// <para>A sequence's rows lie one after the other in each column, and a head's columns side by side; so a head of a sequence is a block of the matrix, and its products are those of
/// <see cref="Product{T}"/>. Blocks are copied first, to where no two of their columns are in the same cache set, and on the way scaled and turned.</para>
/// <para>Some queries are done at a time. What a query sees ends at its own place where the attention is causal, so keys after the last of them are not computed. Everything of
/// a sequence and head is done on one thread, in one order: the bits depend neither on threads nor on what else is in the batch.</para>
/// <para>The weights of a head are a queries x keys matrix for each <see cref="Block"/> of queries, column after column; those of the next block follow, then those of the next head, then those of
/// the next sequence.</para>
/// </remarks>
internal static unsafe class Attention
{
    /// <summary>So many queries at a time: their weights stay in the first caches.</summary>
    internal const int Block = 32;

    // So many weights are summed before the sum is added to that of those before.
    private const int SumBlock = 64;

    // More parts than threads, so that one that was held up keeps nobody waiting long.
    private const int PartsOfThread = 4;

    /// <summary>A = softmax(Q K^T / √d), O = (A ⊙ mask) V.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="q">Q, sequences queries x columns.</param>
    /// <param name="k">K, sequences keys x columns.</param>
    /// <param name="v">V, as K.</param>
    /// <param name="lengths">The keys of each sequence that are there; empty for all.</param>
    /// <param name="rotation">How queries and keys are turned; null for not at all.</param>
    /// <param name="mask">What the weights are multiplied with, in their order; empty for nothing.</param>
    /// <param name="weights">Receives A.</param>
    /// <param name="output">Receives O, as Q.</param>
    internal static void Forward<T>(
        in AttentionShape shape, ReadOnlySpan<T> q, ReadOnlySpan<T> k, ReadOnlySpan<T> v, ReadOnlySpan<int> lengths, RotationTable<T>? rotation, ReadOnlySpan<T> mask, Span<T> weights, Span<T> output)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            Check(shape, q.Length, k.Length, v.Length, lengths, rotation?.Places, mask.Length, weights.Length, output.Length);
            fixed (T* pq = q, pk = k, pv = v, pMask = mask, pWeights = weights, pOutput = output, cos = rotation?.Cos, sin = rotation?.Sin)
            fixed (int* pLengths = lengths)
            {
                Run<T, ForwardHead<T>>(new()
                {
                    Shape = shape,
                    Q = pq,
                    K = pk,
                    V = pv,
                    Lengths = lengths.IsEmpty ? null : pLengths,
                    Cos = cos,
                    Sin = sin,
                    Places = rotation?.Places ?? 0,
                    Mask = mask.IsEmpty ? null : pMask,
                    Weights = pWeights,
                    Output = pOutput,
                }, products: 2);
            }
        }
    }

    /// <summary>dQ, dK and dV from dO and what the forward pass was given and gave.</summary>
    internal static void Backward<T>(
        in AttentionShape shape, ReadOnlySpan<T> q, ReadOnlySpan<T> k, ReadOnlySpan<T> v, ReadOnlySpan<int> lengths, RotationTable<T>? rotation, ReadOnlySpan<T> mask, ReadOnlySpan<T> weights,
        ReadOnlySpan<T> dO, Span<T> dQ, Span<T> dK, Span<T> dV)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        unchecked
        {
            Check(shape, q.Length, k.Length, v.Length, lengths, rotation?.Places, mask.Length, weights.Length, dO.Length);
            Lengths.MustAgree(q.Length, dQ.Length);
            Lengths.MustAgree(k.Length, dK.Length, dV.Length);
            fixed (T* pq = q, pk = k, pv = v, pMask = mask, pWeights = weights, pdO = dO, pdQ = dQ, pdK = dK, pdV = dV, cos = rotation?.Cos, sin = rotation?.Sin)
            fixed (int* pLengths = lengths)
            {
                Run<T, BackwardHead<T>>(new()
                {
                    Shape = shape,
                    Q = pq,
                    K = pk,
                    V = pv,
                    Lengths = lengths.IsEmpty ? null : pLengths,
                    Cos = cos,
                    Sin = sin,
                    Places = rotation?.Places ?? 0,
                    Mask = mask.IsEmpty ? null : pMask,
                    Weights = pWeights,
                    Output = pdO,
                    DQ = pdQ,
                    DK = pdK,
                    DV = pdV,
                }, products: 4);
            }
        }
    }

    private static void Check(in AttentionShape shape, int q, int k, int v, ReadOnlySpan<int> lengths, int? places, int mask, int weights, int output)
    {
        unchecked
        {
            Lengths.MustHold(Math.Min(Math.Min(shape.Sequences, shape.Queries), Math.Min(Math.Min(shape.Keys, shape.Heads), Math.Min(shape.Width, shape.Past))), 0);
            long queries = (long)shape.Sequences * shape.Queries, keys = (long)shape.Sequences * shape.Keys, columns = (long)shape.Heads * shape.Width;
            Lengths.MustAgree(q, output, queries * columns);
            Lengths.MustAgree(k, v, keys * columns);
            Lengths.MustAgree(weights, queries * shape.Heads * shape.Keys);
            Lengths.MustAgreeOrBeEmpty(mask, weights);
            // A head's scratch, backward, with columns rounded up to whole lines: it is counted as int.
            if (7 * (Math.Max(shape.Queries, shape.Keys) + 128L) * shape.Width + 2L * Block * shape.Keys > Array.MaxLength / 2)
                throw new ArgumentException($"A head of {shape.Keys} steps and {shape.Width} columns needs more numbers beside each other than an array has room for.");
            Lengths.MustAgreeOrBeEmpty(lengths.Length, shape.Sequences);
            if (places is int most) Lengths.MustHold(most, Math.Max(shape.Keys, shape.Past + shape.Queries));
            foreach (var length in lengths)
            {
                Lengths.MustHold(length, 1);
                Lengths.MustHold(shape.Keys, length);
            }
        }
    }

    private static void Run<T, THead>(in Operands<T> operands, int products) where T : unmanaged, IFloatingPointIeee754<T> where THead : struct, IHead<T>
    {
        unchecked
        {
            var shape = operands.Shape;
            var heads = shape.Sequences * shape.Heads;
            if (heads == 0 || shape.Queries == 0) return;
            var multiplyAdds = (long)heads * shape.Queries * shape.Keys * shape.Width * products / (shape.Causal ? 2 : 1);
            var threads = Workers.For(multiplyAdds);
            var parts = new Parts<T, THead>(operands);
            if (threads > 1 && heads > 1) Workers.Run(ref parts, Math.Min(heads, PartsOfThread * threads));
            else parts.Run(0, 1);
        }
    }

    /// <summary>Entries from one column to the next of a copy: whole cache lines, an odd number of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Stride<T>(int rows) where T : unmanaged
    {
        unchecked
        {
            var line = 64 / sizeof(T);
            return (((rows + line - 1) / line) | 1) * line;
        }
    }

    /// <summary>Where everything is: of the whole batch, or of one head of a sequence.</summary>
    private struct Operands<T> where T : unmanaged
    {
        public AttentionShape Shape;
        public T* Q, K, V, Cos, Sin, Mask, Weights, Output, DQ, DK, DV;
        public int* Lengths;
        public int Places;

        /// <summary>The keys that are there, of one head.</summary>
        public int Present;

        public readonly Operands<T> OfHead(int head)
        {
            unchecked
            {
                int sequence = head / Shape.Heads, column = head % Shape.Heads * Shape.Width;
                nint query = ((nint)column * Shape.Sequences + sequence) * Shape.Queries, key = ((nint)column * Shape.Sequences + sequence) * Shape.Keys, weight = (nint)head * Shape.Queries * Shape.Keys;
                var one = this;
                one.Q += query;
                one.K += key;
                one.V += key;
                one.Output += query;
                one.Weights += weight;
                if (Mask != null) one.Mask += weight;
                if (DQ != null)
                {
                    one.DQ += query;
                    one.DK += key;
                    one.DV += key;
                }

                one.Present = Lengths == null ? Shape.Keys : Lengths[sequence];
                return one;
            }
        }
    }

    /// <summary>What is computed for each sequence and head, at the machine's width.</summary>
    private interface IHead<T> : ISimdKernel<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        Operands<T> Of { set; }
    }

    private readonly struct Parts<T, THead>(Operands<T> whole) : IParts where T : unmanaged, IFloatingPointIeee754<T> where THead : struct, IHead<T>
    {
        public void Run(int part, int parts)
        {
            unchecked
            {
                var heads = whole.Shape.Sequences * whole.Shape.Heads;
                int first = (int)((long)heads * part / parts), end = (int)((long)heads * (part + 1) / parts);
                for (var i = first; i < end; i++)
                {
                    THead head = new() { Of = whole.OfHead(i) };
                    Dispatch.Run<T, THead>(ref head);
                }
            }
        }
    }

    private struct ForwardHead<T> : IHead<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        public Operands<T> Of { readonly get; set; }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                var of = Of;
                var shape = of.Shape;
                var keys = of.Present;
                int n = shape.Queries, d = shape.Width, ofQueries = Stride<T>(n), ofKeys = Stride<T>(keys);
                nint rows = (nint)shape.Sequences * n, rowsOfKeys = (nint)shape.Sequences * shape.Keys;
                T* q = Scratch<T>.C(ofQueries * d + 2 * Stride<T>(shape.Keys) * d + Block * shape.Keys), k = q + ofQueries * d, v = k + ofKeys * d, dropped = v + ofKeys * d;
                // There is room for all keys, whatever is present: the next sequence may have more.
                // A query is scaled before the product: what would be too large after it, may not be so yet.
                CopyTurned<T, V>(of.Q, rows, q, ofQueries, n, d, Scale<T>(d), of.Cos, of.Sin, of.Places, shape.Past);
                CopyTurned<T, V>(of.K, rowsOfKeys, k, ofKeys, keys, d, T.One, of.Cos, of.Sin, of.Places, 0);
                CopyTurned<T, V>(of.V, rowsOfKeys, v, ofKeys, keys, d, T.One, null, null, 0, 0);
                for (var i = 0; i < n; i += Block)
                {
                    var count = Math.Min(Block, n - i);
                    var seen = shape.Seen(i + count - 1, keys);
                    T* a = of.Weights + i * (nint)shape.Keys, used = a;
                    // S = Q K^T / √d
                    var product = new Product<T> { A = new(q + i, 1, ofQueries), B = new(k, ofKeys, 1), C = new(a, 1, count), Rows = count, Columns = seen, Inner = d };
                    Products.RunHere(ref product);
                    // A = softmax(S)
                    Softmax<T, V>(a, count, seen, shape.Causal ? shape.Past + i : seen);
                    new Span<T>(a + seen * (nint)count, (shape.Keys - seen) * count).Clear();
                    if (of.Mask != null)
                    {
                        Multiply<T, V>(a, of.Mask + i * (nint)shape.Keys, dropped, seen * count);
                        used = dropped;
                    }

                    // O = A V
                    product = new() { A = new(used, 1, count), B = new(v, 1, ofKeys), C = new(of.Output + i, 1, rows), Rows = count, Columns = d, Inner = seen };
                    Products.RunHere(ref product);
                }
            }
        }
    }

    private struct BackwardHead<T> : IHead<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        public Operands<T> Of { readonly get; set; }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run<V>() where V : unmanaged, ISimd<V, T>
        {
            unchecked
            {
                var of = Of;
                var shape = of.Shape;
                var keys = of.Present;
                int n = shape.Queries, d = shape.Width, ofQueries = Stride<T>(n), ofKeys = Stride<T>(keys), query = ofQueries * d, key = ofKeys * d;
                nint rows = (nint)shape.Sequences * n, rowsOfKeys = (nint)shape.Sequences * shape.Keys;
                T* q = Scratch<T>.C(3 * query + 4 * Stride<T>(shape.Keys) * d + 2 * Block * shape.Keys), dO = q + query, dQ = dO + query, k = dQ + query, v = k + key, dK = v + key, dV = dK + key, dS = dV + key, dropped = dS + Block * keys;
                var scale = Scale<T>(d);
                CopyTurned<T, V>(of.Q, rows, q, ofQueries, n, d, scale, of.Cos, of.Sin, of.Places, shape.Past);
                CopyTurned<T, V>(of.Output, rows, dO, ofQueries, n, d, T.One, null, null, 0, 0);
                CopyTurned<T, V>(of.K, rowsOfKeys, k, ofKeys, keys, d, T.One, of.Cos, of.Sin, of.Places, 0);
                CopyTurned<T, V>(of.V, rowsOfKeys, v, ofKeys, keys, d, T.One, null, null, 0, 0);
                new Span<T>(dK, 2 * key).Clear();
                for (var i = 0; i < n; i += Block)
                {
                    var count = Math.Min(Block, n - i);
                    var seen = shape.Seen(i + count - 1, keys);
                    T* a = of.Weights + i * (nint)shape.Keys, used = a, mask = of.Mask == null ? null : of.Mask + i * (nint)shape.Keys;
                    if (mask != null)
                    {
                        Multiply<T, V>(a, mask, dropped, seen * count);
                        used = dropped;
                    }

                    // dA = (dO V^T) ⊙ mask
                    var product = new Product<T> { A = new(dO + i, 1, ofQueries), B = new(v, ofKeys, 1), C = new(dS, 1, count), Rows = count, Columns = seen, Inner = d };
                    Products.RunHere(ref product);
                    // dS = A (dA - Σ dA A)
                    SoftmaxGradient<T, V>(a, mask, dS, count, seen, shape.Causal ? shape.Past + i : seen);
                    // dQ = dS K / √d
                    product = new() { A = new(dS, 1, count), B = new(k, 1, ofKeys), C = new(dQ + i, 1, ofQueries), Rows = count, Columns = d, Inner = seen };
                    Products.RunHere(ref product);
                    // dK += dS^T Q / √d, of which q has the factor
                    product = new() { A = new(dS, count, 1), B = new(q + i, 1, ofQueries), C = new(dK, 1, ofKeys), Rows = seen, Columns = d, Inner = count, Accumulate = true };
                    Products.RunHere(ref product);
                    // dV += (A ⊙ mask)^T dO
                    product = new() { A = new(used, count, 1), B = new(dO + i, 1, ofQueries), C = new(dV, 1, ofKeys), Rows = seen, Columns = d, Inner = count, Accumulate = true };
                    Products.RunHere(ref product);
                }

                CopyBack<T, V>(dQ, ofQueries, of.DQ, rows, n, n, d, scale, of.Cos, of.Sin, of.Places, shape.Past);
                CopyBack<T, V>(dK, ofKeys, of.DK, rowsOfKeys, keys, shape.Keys, d, T.One, of.Cos, of.Sin, of.Places, 0);
                CopyBack<T, V>(dV, ofKeys, of.DV, rowsOfKeys, keys, shape.Keys, d, T.One, null, null, 0, 0);
            }
        }
    }

    private static T Scale<T>(int width) where T : unmanaged, IFloatingPointIeee754<T> => T.CreateChecked(1 / Math.Sqrt(width));

    /// <summary>Copies a block, times a factor; each pair of columns (a, b) turned to (a cos - b sin, a sin + b cos) where there is an angle for its rows, the first of which is of place <paramref name="past"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void CopyTurned<T, V>(T* from, nint ofFrom, T* to, nint ofTo, int rows, int columns, T scale, T* cos, T* sin, int places, int past)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            V factor = V.Broadcast(scale);
            if (cos == null)
            {
                for (var j = 0; j < columns; j++, from += ofFrom, to += ofTo)
                    for (var i = 0; i < rows; i += V.Count)
                    {
                        if (rows - i >= V.Count) (V.Load(from + i) * factor).Store(to + i);
                        else (V.Load(from + i, rows - i) * factor).Store(to + i, rows - i);
                    }

                return;
            }

            cos += past;
            sin += past;
            for (var j = 0; j < columns; j += 2, from += 2 * ofFrom, to += 2 * ofTo, cos += places, sin += places)
                for (var i = 0; i < rows; i += V.Count)
                {
                    var count = Math.Min(V.Count, rows - i);
                    V a = V.Load(from + i, count), b = V.Load(from + ofFrom + i, count), c = V.Load(cos + i, count), s = V.Load(sin + i, count);
                    ((a * c - b * s) * factor).Store(to + i, count);
                    ((a * s + b * c) * factor).Store(to + ofTo + i, count);
                }
        }
    }

    /// <summary>Copies a gradient back, times a factor and turned the other way; rows beyond the last get 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void CopyBack<T, V>(T* from, nint ofFrom, T* to, nint ofTo, int rows, int all, int columns, T scale, T* cos, T* sin, int places, int past)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            V factor = V.Broadcast(scale);
            if (rows < all)
                for (var j = 0; j < columns; j++) new Span<T>(to + j * ofTo + rows, all - rows).Clear();
            if (cos == null)
            {
                for (var j = 0; j < columns; j++, from += ofFrom, to += ofTo)
                    for (var i = 0; i < rows; i += V.Count)
                    {
                        if (rows - i >= V.Count) (V.Load(from + i) * factor).Store(to + i);
                        else (V.Load(from + i, rows - i) * factor).Store(to + i, rows - i);
                    }

                return;
            }

            cos += past;
            sin += past;
            for (var j = 0; j < columns; j += 2, from += 2 * ofFrom, to += 2 * ofTo, cos += places, sin += places)
                for (var i = 0; i < rows; i += V.Count)
                {
                    var count = Math.Min(V.Count, rows - i);
                    V a = V.Load(from + i, count), b = V.Load(from + ofFrom + i, count), c = V.Load(cos + i, count), s = V.Load(sin + i, count);
                    ((a * c + b * s) * factor).Store(to + i, count);
                    ((b * c - a * s) * factor).Store(to + ofTo + i, count);
                }
        }
    }

    /// <summary>Each row's softmax in place. Row i sees the keys up to <paramref name="last"/> + i, at most so many; of what it does not see, the weight becomes 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining), SkipLocalsInit]
    private static void Softmax<T, V>(T* s, int rows, int keys, int last) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            nint stride = rows;
            V lanes = Lanes<T, V>();
            for (var i = 0; i < rows; i += V.Count)
            {
                var count = Math.Min(V.Count, rows - i);
                var p = s + i;
                // All of these rows see the first keys, some of them some more.
                int all = (int)Math.Min(keys, (long)last + i + 1), some = (int)Math.Min(keys, (long)last + i + count);
                V greatest = Load<T, V>(p, count), total = V.Zero;
                for (var j = 1; j < all; j++) greatest = V.Max(greatest, Load<T, V>(p + j * stride, count));
                for (var j = all; j < some; j++) greatest = V.Select(Sees<T, V>(lanes, j - last - i), V.Max(greatest, Load<T, V>(p + j * stride, count)), greatest);
                for (var j = 0; j < some;)
                {
                    V sum = V.Zero;
                    for (var end = j + Math.Min(SumBlock, some - j); j < end; j++)
                    {
                        V e = MathFunctions<T>.Exp(Load<T, V>(p + j * stride, count) - greatest);
                        if (j >= all) e = e & Sees<T, V>(lanes, j - last - i);
                        Store<T, V>(p + j * stride, count, e);
                        sum += e;
                    }

                    total += sum;
                }

                V scale = 1 / total;
                for (var j = 0; j < all; j++) Store<T, V>(p + j * stride, count, Load<T, V>(p + j * stride, count) * scale);
                for (var j = all; j < some; j++) Store<T, V>(p + j * stride, count, Load<T, V>(p + j * stride, count) * scale & Sees<T, V>(lanes, j - last - i));
                for (var j = some; j < keys; j++) Store<T, V>(p + j * stride, count, V.Zero);
            }
        }
    }

    /// <summary>dS = A (dA - Σ dA A) in place, with dA ⊙ mask for dA where there is one; 0 where a row does not see the key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining), SkipLocalsInit]
    private static void SoftmaxGradient<T, V>(T* weights, T* mask, T* dS, int rows, int keys, int last) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            nint stride = rows;
            V lanes = Lanes<T, V>();
            for (var i = 0; i < rows; i += V.Count)
            {
                var count = Math.Min(V.Count, rows - i);
                T* a = weights + i, m = mask + i, d = dS + i;
                int all = (int)Math.Min(keys, (long)last + i + 1), some = (int)Math.Min(keys, (long)last + i + count);
                V total = V.Zero;
                for (var j = 0; j < some;)
                {
                    V sum = V.Zero;
                    for (var end = j + Math.Min(SumBlock, some - j); j < end; j++)
                    {
                        V dA = Load<T, V>(d + j * stride, count);
                        if (mask != null)
                        {
                            dA *= Load<T, V>(m + j * stride, count);
                            Store<T, V>(d + j * stride, count, dA);
                        }

                        V product = dA * Load<T, V>(a + j * stride, count);
                        sum += j < all ? product : product & Sees<T, V>(lanes, j - last - i);
                    }

                    total += sum;
                }

                for (var j = 0; j < all; j++) Store<T, V>(d + j * stride, count, Load<T, V>(a + j * stride, count) * (Load<T, V>(d + j * stride, count) - total));
                for (var j = all; j < some; j++) Store<T, V>(d + j * stride, count, Load<T, V>(a + j * stride, count) * (Load<T, V>(d + j * stride, count) - total) & Sees<T, V>(lanes, j - last - i));
                for (var j = some; j < keys; j++) Store<T, V>(d + j * stride, count, V.Zero);
            }
        }
    }

    /// <summary>A ⊙ mask, beside them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Multiply<T, V>(T* a, T* mask, T* result, int length) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            for (var i = 0; i < length; i += V.Count)
            {
                var count = Math.Min(V.Count, length - i);
                Store<T, V>(result + i, count, Load<T, V>(a + i, count) * Load<T, V>(mask + i, count));
            }
        }
    }

    /// <summary>The numbers of the lanes.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static V Lanes<T, V>() where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            var memory = Simd512<T>.Zero;
            var numbers = (T*)&memory;
            for (var i = 0; i < V.Count; i++) numbers[i] = T.CreateTruncating(i);
            return V.Load(numbers);
        }
    }

    /// <summary>A mask of the lanes from this one on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Sees<T, V>(V lanes, int first) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> => lanes >= V.Broadcast(T.CreateTruncating(first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Load<T, V>(T* source, int count) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T> => count == V.Count ? V.Load(source) : V.Load(source, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T, V>(T* destination, int count, V value) where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged, ISimd<V, T>
    {
        if (count == V.Count) value.Store(destination);
        else value.Store(destination, count);
    }
}
