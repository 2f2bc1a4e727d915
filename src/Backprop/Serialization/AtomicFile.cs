using System.Runtime.InteropServices;

namespace Backprop;

/// <summary>Replaces a file completely or not at all: at any moment, and after any crash, the path holds the old file or the new one.</summary>
/// <remarks>
/// <para>
/// The new file grows beside the old one under a name of its own, <c>model.safetensors.1f3a9c04.tmp</c>; when all of it is on the disk it takes
/// the old one's name in one step, and the directory is written to the disk as well. If anything fails before that step, the new file is
/// removed. Symbolic links are followed, and the access rights of a replaced file stay.
/// </para>
/// <para>
/// A killed process leaves its unfinished file. The next write to the same path removes those that no process has open and that nobody has
/// touched for ten seconds; so there are never more of them than processes killed within that time.
/// </para>
/// <para>Several processes may write the same path at once; the last one wins.</para>
/// </remarks>
public static partial class AtomicFile
{
    internal static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(10);

    private const string Extension = ".tmp";
    private const int BufferSize = 1 << 16;

    /// <summary>Writes a file.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="write">Writes the content to an empty stream, which can seek. If it throws, the old file stays.</param>
    /// <exception cref="IOException">The file could not be written; the message says why, and what is there now.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        var file = new FileInfo(path);
        string target = (file.LinkTarget is null ? file : file.ResolveLinkTarget(returnFinalTarget: true)!).FullName;
        // What stands there under Unix is no file, and a file in its place would be missed by others.
        if (!OperatingSystem.IsWindows() && (target.StartsWith("/dev/", StringComparison.Ordinal) || target.StartsWith("/proc/", StringComparison.Ordinal)) && !target.StartsWith("/dev/shm/", StringComparison.Ordinal))
            throw new IOException($"{path} could not be written: it is a device and no file. Write to a stream instead.");
        try
        {
            RemoveStale(target);
            Replace(target, write);
        }
        catch (Exception e) when (e is IOException or ArgumentOutOfRangeException)
        {
            // The latter is what .NET makes of a file that grows larger than the file system or a limit allows.
            string state = File.Exists(target) ? "It is still the file it was." : Directory.Exists(target) ? "It is still the directory it was." : "There is no such file.";
            throw new IOException($"{path} could not be written: {e.Message.TrimEnd('.')}. {state}", e) { HResult = e.HResult };
        }
        FlushDirectory(Path.GetDirectoryName(target)!);
    }

    private static void Replace(string target, Action<Stream> write)
    {
        string temporary = $"{target}.{Random.Shared.Next():x8}{Extension}";
        var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferSize);
        try
        {
            using (stream)
            {
                KeepMode(stream, target);
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            Remove(temporary);
            throw;
        }
    }

    private static void KeepMode(FileStream stream, string target)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(target))
            return;
        UnixFileMode mode = File.GetUnixFileMode(target);
        if (mode != File.GetUnixFileMode(stream.SafeFileHandle))
            File.SetUnixFileMode(stream.SafeFileHandle, mode);
    }

    private static void RemoveStale(string target)
    {
        string prefix = Path.GetFileName(target) + ".";
        foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(target)!, "*" + Extension))
        {
            ReadOnlySpan<char> name = Path.GetFileName(file.AsSpan());
            if (name.Length == prefix.Length + 8 + Extension.Length && name.StartsWith(prefix, StringComparison.Ordinal)
                && DateTime.UtcNow - File.GetLastWriteTimeUtc(file) > StaleAfter)
            {
                Remove(file);
            }
        }
    }

    /// <summary>Removes a file unless a process has it open.</summary>
    private static void Remove(string file)
    {
        try
        {
            using var _ = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // In use, gone already, or not ours.
        }
    }

    /// <summary>
    /// Writes the new name in the directory to the disk, so that it outlives a power failure. Done where the system has a way to: without,
    /// and on Windows, the name is written a little later.
    /// </summary>
    private static void FlushDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
            return;
        try
        {
            const int ReadOnly = 0;
            int handle = OpenFile(directory, ReadOnly);
            if (handle < 0)
                return;                                     // a directory that may be entered but not listed
            _ = FlushFile(handle);
            _ = CloseFile(handle);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Not a system with a C library under this name.
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int FlushFile(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseFile(int handle);
}
