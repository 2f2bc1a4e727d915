using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Backprop;

/// <summary>What ranks add in one exchange, in one piece of memory that does not move: values, and totals that are <see cref="double"/> whatever the values are.</summary>
/// <remarks>It is cut into as many slices of equal length as there are ranks, so that each rank can add one of them.</remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class ShardSums<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Line = 64;    // bytes: a slice begins where a line of the cache does, and no number lies in two

    private readonly byte[] _memory;
    private readonly int _begin, _values, _totals, _totalsAt;

    /// <summary>Makes room.</summary>
    /// <param name="values">How many values.</param>
    /// <param name="totals">How many totals.</param>
    /// <param name="ranks">How many ranks, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative, or there are no ranks, or all together is over 2 GB.</exception>
    public ShardSums(int values, int totals, int ranks)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(values);
        ArgumentOutOfRangeException.ThrowIfNegative(totals);
        Expect.Positive("ShardSums", ranks, nameof(ranks));
        var totalsAt = Up((long)values * Unsafe.SizeOf<T>(), sizeof(double));
        var slice = Up(Math.Max(totalsAt + (long)totals * sizeof(double), 1), (long)ranks * Line) / ranks;
        if (slice * ranks > Array.MaxLength - Line) throw new ArgumentOutOfRangeException(nameof(values), $"ShardSums expects at most 2 GB, but {values} values and {totals} totals are more.");
        (_values, _totals, _totalsAt, Ranks, SliceLength) = (values, totals, (int)totalsAt, ranks, (int)slice);
        _memory = GC.AllocateArray<byte>((int)slice * ranks + Line, pinned: true);
        unsafe
        {
            _begin = (int)(Up((long)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory)), Line) - (long)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory)));
        }
    }

    /// <summary>How many ranks add.</summary>
    public int Ranks { get; }

    /// <summary>Bytes in a slice, a multiple of 64.</summary>
    public int SliceLength { get; }

    /// <summary>The values.</summary>
    public Span<T> Values => MemoryMarshal.Cast<byte, T>(Bytes[..(_values * Unsafe.SizeOf<T>())]);

    /// <summary>The totals.</summary>
    public Span<double> Totals => MemoryMarshal.Cast<byte, double>(Bytes.Slice(_totalsAt, _totals * sizeof(double)));

    /// <summary>All of it: <see cref="Ranks"/> slices of <see cref="SliceLength"/>.</summary>
    public Span<byte> Bytes => _memory.AsSpan(_begin, SliceLength * Ranks);

    /// <summary>Adds every rank's version of one slice as a balanced tree, ((0 + 1) + (2 + 3)) + ..., and keeps the sum in that slice of <see cref="Bytes"/>.</summary>
    /// <param name="slice">The number of the slice.</param>
    /// <param name="versions">Its versions, one after the other in the order of ranks; overwritten.</param>
    /// <exception cref="ArgumentException">There are not as many versions as ranks.</exception>
    public void AddSlices(int slice, Span<byte> versions)
    {
        if (versions.Length != SliceLength * Ranks) throw new ArgumentException($"ShardSums expects {Ranks} versions of a slice of {SliceLength} bytes, but there are {versions.Length} bytes.", nameof(versions));
        Add(versions, slice * SliceLength, SliceLength);
    }

    /// <summary>Adds every rank's version of all of <see cref="Bytes"/>, in the same order and so with the same bits: where little is to be sent, once and whole is faster than twice and in slices.</summary>
    /// <param name="versions">The versions, one after the other in the order of ranks; overwritten.</param>
    /// <exception cref="ArgumentException">There are not as many versions as ranks.</exception>
    public void AddWholes(Span<byte> versions)
    {
        var length = SliceLength * Ranks;
        if (versions.Length != (long)length * Ranks) throw new ArgumentException($"ShardSums expects {Ranks} versions of {length} bytes, but there are {versions.Length} bytes.", nameof(versions));
        Add(versions, 0, length);
    }

    private void Add(Span<byte> versions, int begin, int length)
    {
        var into = Bytes.Slice(begin, length);
        // Where the values end and the totals begin, as this part sees it.
        var values = Math.Clamp(_totalsAt - begin, 0, length);
        for (var stride = 1; stride < Ranks; stride *= 2)
        {
            for (var i = 0; i + stride < Ranks; i += 2 * stride)
            {
                Span<byte> left = versions.Slice(i * length, length), right = versions.Slice((i + stride) * length, length);
                var sum = i == 0 && stride * 2 >= Ranks ? into : left;  // the last sum goes where it belongs
                Add<T>(left[..values], right[..values], sum[..values]);
                Add<double>(left[values..], right[values..], sum[values..]);
            }
        }
    }

    private static void Add<TNumber>(Span<byte> left, Span<byte> right, Span<byte> sum) where TNumber : unmanaged, IFloatingPointIeee754<TNumber> => TensorPrimitives.Add(
        MemoryMarshal.Cast<byte, TNumber>(left), MemoryMarshal.Cast<byte, TNumber>(right), MemoryMarshal.Cast<byte, TNumber>(sum));

    private static long Up(long size, long unit) => (size + unit - 1) / unit * unit;
}
