using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Runtime.Versioning;
using TorchSharp;

namespace Backprop.Torch;

/// <summary>
/// Makes TorchSharp's native library loadable on Linux systems whose C++ runtime is older than GCC 13's (Debian 12,
/// Ubuntu 22.04 and others).
/// </summary>
/// <remarks>
/// <para>TorchSharp 0.107's <c>libLibTorchSharp.so</c> asks for version GLIBCXX_3.4.32 of <c>libstdc++.so.6</c>, and where
/// that is missing the dynamic loader refuses it. The only symbol it wants in that version is one that no code calls: GCC 13
/// leaves it in whatever includes <c>&lt;iostream&gt;</c>, to ask for a runtime that initialises the streams by itself.
/// (With an older runtime the libraries do that, and libtorch, without which this one is never loaded, does it.) So the need
/// can be declared optional. That is one bit, <c>VER_FLG_WEAK</c>, in the file's list of needed versions.</para>
/// <para>Nothing is done where it is not needed, and no file of the program is ever changed: only when the library that
/// TorchSharp asks for could not be loaded, a copy with that bit set is loaded in its place, out of a private
/// directory that is deleted at once. So it makes no difference whether the program's own directory can be written to,
/// or how many processes start at the same time.</para>
/// <para>It happens by itself, on TorchSharp's first call, once anything of this assembly has been used. A program that may call
/// TorchSharp earlier than that calls <see cref="EnsureLoadable"/> first.</para>
/// </remarks>
/// <threadsafety>All members may be called from any thread.</threadsafety>
public static class TorchNative
{
    private const string LibraryName = "LibTorchSharp", FileName = "libLibTorchSharp.so", EngineFileName = "libtorch.so";
    private const string MissingVersion = "GLIBCXX_3.4.32", UnusedSymbol = "_ZSt21ios_base_library_initv";

    private static readonly Lock Loading = new();
    private static bool _registered;
    private static nint _handle;

    /// <summary>
    /// Loads TorchSharp's native library, or says why it cannot be loaded. Further calls do nothing, and so does
    /// every call on a system other than Linux.
    /// </summary>
    /// <exception cref="DllNotFoundException">The library, or something it needs, is missing. The message tells what was
    /// tried and what can be done.</exception>
    public static void EnsureLoadable()
    {
        if (!OperatingSystem.IsLinux())
            return;
        lock (Loading)
        {
            Register();
            if (_handle == 0)
                _handle = NativeLibrary.Load(LibraryName, typeof(torch).Assembly, searchPath: null);
        }
    }

#pragma warning disable CA2255 // Only a module initializer precedes TorchSharp's first call whichever member here is used first.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Register()
    {
        if (!OperatingSystem.IsLinux())
            return;
        lock (Loading)
        {
            if (_registered)
                return;
            // Raised only after the runtime's own search has failed, for TorchSharp's explicit load and for its P/Invokes alike.
            AssemblyLoadContext context = AssemblyLoadContext.GetLoadContext(typeof(torch).Assembly) ?? AssemblyLoadContext.Default;
            context.ResolvingUnmanagedDll += Resolve;
            _registered = true;
        }
    }

    [SupportedOSPlatform("linux")]
    private static nint Resolve(Assembly assembly, string name)
    {
        if (name != LibraryName)
            return 0;
        lock (Loading)      // one copy for the whole process: the library has state of its own
        {
            if (_handle == 0)
                _handle = LoadFrom(SearchDirectories());
            return _handle;
        }
    }

    /// <summary>Loads the library from the first directory that has it, weakened if that is what it takes.</summary>
    [SupportedOSPlatform("linux")]
    internal static nint LoadFrom(IReadOnlyCollection<string> directories)
    {
        string file = Find(FileName, directories) ?? throw Missing(FileName, directories);

        // What the library needs lies beside it, where a copy of it elsewhere would not look. Once loaded, it is found by name.
        string? engine = Find(EngineFileName, directories);
        if (engine is not null)
            NativeLibrary.TryLoad(engine, out _);
        try
        {
            return NativeLibrary.Load(file);
        }
        catch (DllNotFoundException e) when (e.Message.Contains(MissingVersion, StringComparison.Ordinal))
        {
            string own = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);     // empty where there is none
            return LoadWeakened(file, own.Length == 0 ? [Path.GetTempPath()] : [Path.GetTempPath(), own]);
        }
        catch (DllNotFoundException e) when (engine is null)
        {
            throw Missing(EngineFileName, directories, e);
        }
    }

    private static DllNotFoundException Missing(string fileName, IEnumerable<string> directories, Exception? inner = null) => new(
        $"TorchSharp needs {fileName}, which is in none of these directories: {string.Join(", ", directories)}. "
        + "Reference the package TorchSharp-cpu (or one of TorchSharp-cuda-...) in the program's project.", inner);

    /// <summary>Loads a weakened copy of the file out of the first of the directories where that is possible.</summary>
    [SupportedOSPlatform("linux")]
    internal static nint LoadWeakened(string file, IReadOnlyCollection<string> directories)
    {
        List<Exception> failures = [];
        try
        {
            byte[] image = File.ReadAllBytes(file);
            ElfSymbolVersions.Weaken(image, MissingVersion, UnusedSymbol);
            foreach (string directory in directories)
            {
                try
                {
                    return LoadOutOf(directory, image);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException or DllNotFoundException)
                {
                    failures.Add(e);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or BadImageFormatException or NotSupportedException)
        {
            failures.Add(e);
        }
        throw new DllNotFoundException(
            $"{file} needs version {MissingVersion} of libstdc++.so.6 (GCC 13), which this system does not have, and a copy that "
            + $"does without it could not be loaded out of {string.Join(" or ", directories)}. "
            + "Install a newer libstdc++ (Debian 13 and Ubuntu 24.04 have it), or set TMPDIR to a directory that this process may "
            + $"write to and load libraries from. What happened: {string.Join(" ", failures.Select(failure => failure.Message))}",
            new AggregateException(failures));
    }

    [SupportedOSPlatform("linux")]
    private static nint LoadOutOf(string directory, byte[] image)
    {
        if (!Directory.Exists(directory))
            throw new DirectoryNotFoundException($"There is no directory {directory}.");
        string own = Path.Combine(directory, $"backprop-torch-{Guid.NewGuid():N}");
        const UnixFileMode OnlyMe = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(own, OnlyMe);
        try
        {
            string copy = Path.Combine(own, FileName);
            File.WriteAllBytes(copy, image);
            return NativeLibrary.Load(copy);
        }
        finally
        {
            DeleteIfPossible(own);
        }
    }

    private static void DeleteIfPossible(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);       // what is loaded stays loaded
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A network file system may keep a file that is in use. A copy left behind harms nobody.
        }
    }

    private static string? Find(string fileName, IEnumerable<string> directories) =>
        directories.Select(directory => Path.Combine(directory, fileName)).FirstOrDefault(File.Exists);

    /// <summary>Where the runtime and TorchSharp look: the host's list, then beside the program and beside TorchSharp, each with the
    /// layouts of a portable build, of the package cache, and of the directory into which TorchSharp gathers its parts in scripts.</summary>
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "Empty in a single file; what is not a rooted path is left out.")]
    private static List<string> SearchDirectories()
    {
        string native = Path.Combine("runtimes", $"linux-{RuntimeInformation.ProcessArchitecture}".ToLowerInvariant(), "native");
        string host = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        string[] homes = [AppContext.BaseDirectory, Path.GetDirectoryName(typeof(torch).Assembly.Location) ?? ""];
        return
        [
            .. host.Split(Path.PathSeparator)
                .Concat(homes.SelectMany(home => new[] { home, Path.Combine(home, native), Path.Combine(home, "..", "..", native), Path.Combine(home, "cpu") }))
                .Where(Path.IsPathRooted)
                .Select(Path.GetFullPath)
                .Select(Path.TrimEndingDirectorySeparator)
                .Distinct()
                .Where(Directory.Exists),
        ];
    }
}
