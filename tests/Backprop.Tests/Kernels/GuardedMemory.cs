using System.Runtime.InteropServices;
using Xunit;

namespace Backprop.Tests.Kernels;

/// <summary>Where an operand lies: whoever reads or writes an entry beyond it ends the process.</summary>
public enum Beside
{
    /// <summary>It begins where a page ends that may not be touched.</summary>
    PageBefore,

    /// <summary>It ends where such a page begins.</summary>
    PageBehind,
}

/// <summary>Memory between two pages that may not be touched.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int Size = 4 << 20, Guard = 1 << 16; // no page is greater than 64 KiB
    private readonly byte* _start;

    public GuardedMemory()
    {
        if (OperatingSystem.IsWindows())
        {
            _start = (byte*)VirtualAlloc(0, Size + 2 * Guard, type: 0x3000, protection: 1);
            if (_start is null || !VirtualProtect((nint)(_start + Guard), Size, protection: 4, out _)) throw new InvalidOperationException("No guarded memory is to be had.");
            return;
        }

        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS()) Assert.Skip("How to guard pages is known for Linux, macOS and Windows.");
        _start = (byte*)MMap(0, Size + 2 * Guard, protection: 0, flags: OperatingSystem.IsLinux() ? 0x22 : 0x1002, file: -1, offset: 0);
        if ((nint)_start == -1 || MProtect((nint)(_start + Guard), Size, protection: 3) != 0) throw new InvalidOperationException("No guarded memory is to be had.");
    }

    /// <summary>Room for so many elements beside one of the pages.</summary>
    public Span<T> Room<T>(int count, Beside side) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Size / sizeof(T));
        return new(side == Beside.PageBefore ? (T*)(_start + Guard) : (T*)(_start + Guard + Size) - count, count);
    }

    public void Dispose()
    {
        if (OperatingSystem.IsWindows()) _ = VirtualFree((nint)_start, 0, type: 0x8000);
        else _ = MUnmap((nint)_start, Size + 2 * Guard);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint MMap(nint address, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int MProtect(nint address, nint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MUnmap(nint address, nint length);

    [LibraryImport("kernel32")]
    private static partial nint VirtualAlloc(nint address, nint length, uint type, uint protection);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualProtect(nint address, nint length, uint protection, out uint before);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool VirtualFree(nint address, nint length, uint type);
}
