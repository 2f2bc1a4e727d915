using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Backprop.Torch;
using FluentAssertions;
using TorchSharp;
using Xunit;

namespace Backprop.Tests;

public class TorchNativeTests
{
    [NeedsTorch]
    [Fact]
    public void TorchSharp_computes_after_any_number_of_calls()
    {
        Parallel.For(0, 16, _ => TorchNative.EnsureLoadable());

        using torch.Tensor ones = torch.ones(2, 3, torch.float64);
        using torch.Tensor sum = ones.sum();
        sum.item<double>().Should().Be(6);
    }
}

/// <summary>On systems where the loader has something to do; the weakened library loads where it is not needed, too.</summary>
[SupportedOSPlatform("linux")]
public sealed class TorchNativeOnLinuxTests : IDisposable
{
    private const string FileName = "libLibTorchSharp.so";

    private readonly string _directory = Directory.CreateTempSubdirectory("torch-native-tests-").FullName;

    public TorchNativeOnLinuxTests() => Assert.SkipUnless(File.Exists(Original), "The library is part of TorchSharp for Linux only.");

    private static string Original => Path.Combine(AppContext.BaseDirectory, FileName);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_weakened_copy_is_loaded_and_leaves_nothing_behind()
    {
        nint handle = TorchNative.LoadWeakened(Original, [_directory]);

        NativeLibrary.GetExport(handle, "THSTensor_new").Should().NotBe(0);
        Directory.EnumerateFileSystemEntries(_directory).Should().BeEmpty();
        NativeLibrary.Free(handle);
    }

    [Fact]
    public void Where_one_directory_does_not_serve_the_next_one_does()
    {
        string notADirectory = Path.Combine(_directory, "file");
        File.WriteAllText(notADirectory, "");

        nint handle = TorchNative.LoadWeakened(Original, [notADirectory, _directory]);

        handle.Should().NotBe(0);
        NativeLibrary.Free(handle);
    }

    [Fact]
    public void Where_no_directory_serves_the_message_says_what_was_tried_and_what_can_be_done()
    {
        string notADirectory = Path.Combine(_directory, "file");
        File.WriteAllText(notADirectory, "");

        Action load = () => TorchNative.LoadWeakened(Original, [notADirectory, "/proc"]);

        load.Should().Throw<DllNotFoundException>()
            .WithMessage($"{Original} needs version GLIBCXX_3.4.32 *{notADirectory} or /proc. Install a newer libstdc++*TMPDIR*What happened: *{notADirectory}*/proc*");
    }

    [Fact]
    public void A_file_that_is_no_library_is_named()
    {
        string file = Path.Combine(_directory, FileName);
        File.WriteAllText(file, "not a library");

        Action weaken = () => TorchNative.LoadWeakened(file, [_directory]), load = () => TorchNative.LoadFrom([_directory, AppContext.BaseDirectory]);

        weaken.Should().Throw<DllNotFoundException>().WithMessage($"{file} needs *Not a 64-bit little-endian ELF file.*");
        load.Should().Throw<DllNotFoundException>().WithMessage($"*{file}*");
    }

    [Fact]
    public void A_missing_library_names_the_directories_and_the_package()
    {
        Action load = () => TorchNative.LoadFrom([_directory, "/nowhere"]);

        load.Should().Throw<DllNotFoundException>().WithMessage(
            $"TorchSharp needs {FileName}, which is in none of these directories: {_directory}, /nowhere. Reference the package TorchSharp-cpu *");

        File.WriteAllText(Path.Combine(_directory, FileName), "there, but cannot be loaded, and no engine");
        load.Should().Throw<DllNotFoundException>().WithMessage($"TorchSharp needs libtorch.so, which *{_directory}, /nowhere. Reference the package TorchSharp-cpu *");
    }

    [Fact]
    public void Several_processes_that_start_at_once_load_it_and_change_no_file()
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Backprop.Tests");
        string[] librariesBefore = Libraries();
        byte[] libraryBefore = File.ReadAllBytes(Original);

        Process[] processes = [.. Enumerable.Range(0, 3).Select(_ => Process.Start(new ProcessStartInfo(program,
            ["-method", $"{typeof(TorchNativeTests).FullName}.{nameof(TorchNativeTests.TorchSharp_computes_after_any_number_of_calls)}"])
        {
            Environment = { ["TMPDIR"] = _directory },
            RedirectStandardOutput = true,
        })!)];

        foreach (Process process in processes)
        {
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            process.ExitCode.Should().Be(0, "{0}", output);
            output.Should().Contain("Total: 1,");
            process.Dispose();
        }
        Libraries().Should().Equal(librariesBefore);
        File.ReadAllBytes(Original).AsSpan().SequenceEqual(libraryBefore).Should().BeTrue();
        Directory.EnumerateFileSystemEntries(_directory, "backprop-*").Should().BeEmpty();

        static string[] Libraries() => [.. Directory.GetFiles(AppContext.BaseDirectory, "*.so*", SearchOption.AllDirectories).Order()];
    }
}
