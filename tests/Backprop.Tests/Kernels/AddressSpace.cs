using System.Runtime.InteropServices;

namespace Backprop.Tests.Kernels;

/// <summary>Zeros without end: Linux gives each page memory of its own only when it is written.</summary>
internal sealed unsafe partial class AddressSpace : IDisposable
{
    private readonly nint _start, _bytes;

    private AddressSpace(nint start, nint bytes) => (_start, _bytes) = (start, bytes);

    /// <summary>So many bytes; null where the system gives no more than it has memory for.</summary>
    public static AddressSpace? Reserve(long bytes)
    {
        var start = MMap(0, (nint)bytes, protection: 3, flags: 0x4022, file: -1, offset: 0);
        return start == -1 ? null : new(start, (nint)bytes);
    }

    public Span<T> Span<T>(int count) where T : unmanaged =>
        (long)count * sizeof(T) <= _bytes ? new((void*)_start, count) : throw new ArgumentOutOfRangeException(nameof(count));

    public void Dispose() => _ = MUnmap(_start, _bytes);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint MMap(nint address, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MUnmap(nint address, nint length);
}
