using System.Diagnostics;
using System.Runtime.InteropServices;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

public sealed class AtomicFileTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("backprop-").FullName;

    private string Target => Path.Combine(_directory, "model.safetensors");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_file_appears_and_is_replaced()
    {
        AtomicFile.Write(Target, stream => stream.Write("first, and longer"u8));
        File.ReadAllText(Target).Should().Be("first, and longer");
        AtomicFile.Write(Target, stream => stream.Write("second"u8));
        File.ReadAllText(Target).Should().Be("second");
        Files().Should().Equal(Target);
    }

    [Fact]
    public void Failing_at_any_byte_leaves_the_old_file_or_none()
    {
        byte[] content = SafeTensorsBytes.Written(writer => writer.Add("a", [3], [1f, 2, 3]));
        foreach (string[] before in new string[][] { [], [Target] })
        {
            foreach (string file in before)
                File.WriteAllText(file, "old");
            for (int room = 0; room < content.Length; room++)
            {
                var write = () => AtomicFile.Write(Target, stream =>
                {
                    stream.Write(content.AsSpan(0, room));
                    throw new IOException("No space left on device.");
                });
                write.Should().Throw<IOException>().WithMessage(before.Length == 0
                    ? $"{Target} could not be written: No space left on device. There is no such file."
                    : $"{Target} could not be written: No space left on device. It is still the file it was.");
                Files().Should().Equal(before);
            }
        }
        File.ReadAllText(Target).Should().Be("old");
    }

    [Fact]
    public void Whatever_the_writer_throws_passes()
    {
        File.WriteAllText(Target, "old");
        var write = () => AtomicFile.Write(Target, _ => throw new InvalidOperationException("Mine."));
        write.Should().Throw<InvalidOperationException>().WithMessage("Mine.");
        File.ReadAllText(Target).Should().Be("old");
        Files().Should().Equal(Target);
    }

    [Fact]
    public void A_directory_that_is_not_there_is_named()
    {
        string path = Path.Combine(_directory, "no", "model.safetensors");
        var write = () => AtomicFile.Write(path, _ => { });
        write.Should().Throw<IOException>().WithMessage($"{path} could not be written: Could not find a part of the path*There is no such file.");
    }

    [Fact]
    public void What_a_killed_process_left_is_removed_and_nothing_else()
    {
        string stale = Unfinished(Target, "0123abcd"), fresh = Unfinished(Target, "0123abce"), open = Unfinished(Target, "0123abcf");
        string[] others =
        [
            Unfinished(Target + "2", "0123abcd"), Unfinished(Path.Combine(_directory, "nodel.safetensors"), "0123abcd"), Target + ".tmp",
            Target + ".12345678.bak", Target + ".123456789.tmp",
        ];
        foreach (string other in others)
            File.WriteAllText(other, "");
        foreach (string file in Files().Where(file => file != fresh))
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow - AtomicFile.StaleAfter - TimeSpan.FromSeconds(1));

        using (new FileStream(open, FileMode.Open, FileAccess.Write, FileShare.None))
            AtomicFile.Write(Target, _ => { });

        Files().Should().BeEquivalentTo([Target, fresh, open, .. others]).And.NotContain(stale);
    }

    [Fact]
    public void A_name_is_taken_literally()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows allows no such names.");
        string star = Path.Combine(_directory, "*"), other = Unfinished(Target, "0123abcd");
        File.SetLastWriteTimeUtc(other, DateTime.UtcNow - TimeSpan.FromDays(1));
        AtomicFile.Write(star, _ => { });
        Files().Should().BeEquivalentTo([star, other]);
    }

    [Fact]
    public void Links_are_followed_and_rights_stay()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has other rights, and links only for administrators.");
            return;
        }

        string link = Path.Combine(_directory, "link"), dangling = Path.Combine(_directory, "dangling"), later = Path.Combine(_directory, "later");
        AtomicFile.Write(Target, stream => stream.Write("old"u8));
        File.SetUnixFileMode(Target, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);
        File.CreateSymbolicLink(link, Target);
        File.CreateSymbolicLink(dangling, later);

        AtomicFile.Write(link, stream => stream.Write("new"u8));
        AtomicFile.Write(dangling, stream => stream.Write("later"u8));

        File.ReadAllText(Target).Should().Be("new");
        File.GetUnixFileMode(Target).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);
        new FileInfo(link).LinkTarget.Should().Be(Target);
        File.ReadAllText(later).Should().Be("later");
    }

    [Fact]
    public async Task Many_may_write_and_read_at_once()
    {
        Save(Target, 0);
        await Parallel.ForAsync(1, 9, TestContext.Current.CancellationToken, async (writer, cancel) =>
        {
            for (int i = 0; i < 20; i++)
            {
                Save(Target, writer);
                Load(Target).Should().BeInRange(1, 8);
            }
            await Task.CompletedTask;
        });
        Files().Should().Equal(Target);
    }

    [Fact]
    public async Task A_process_killed_at_any_moment_leaves_a_whole_file()
    {
        const int Processes = 4, Kills = 50;
        int interrupted = 0;
        long saved = 0;
        await Parallel.ForAsync(0, Processes, TestContext.Current.CancellationToken, async (worker, cancel) =>
        {
            var random = new Random(worker);
            string directory = Directory.CreateDirectory(Path.Combine(_directory, $"{worker}")).FullName;
            string path = Path.Combine(directory, "model.safetensors");
            long safe = 0;
            for (int i = 0; i < Kills; i++)
            {
                using var saver = Process.Start(Saver(path))!;
                string? line = await saver.StandardOutput.ReadLineAsync(cancel);
                long began = Stopwatch.GetTimestamp();
                double delay = random.NextDouble() * 10;
                while (Stopwatch.GetElapsedTime(began).TotalMilliseconds < delay)
                    Thread.Sleep(delay > 1 ? 1 : 0);
                saver.Kill();
                string rest = await saver.StandardOutput.ReadToEndAsync(cancel);
                await saver.WaitForExitAsync(cancel);

                safe = long.Parse(rest.Split('\n') is [.., var last, _] ? last : line!, null);
                Load(path).Should().BeInRange(safe, safe + 1, "what was reported safe is there, or the next");
                Interlocked.Add(ref interrupted, Directory.GetFiles(directory).Any(IsFresh) ? 1 : 0);
                foreach (string file in Directory.GetFiles(directory).Where(IsFresh))
                    File.SetLastWriteTimeUtc(file, DateTime.UtcNow - AtomicFile.StaleAfter - TimeSpan.FromSeconds(1));
                Directory.GetFiles(directory).Should().HaveCountLessThanOrEqualTo(2, "the next save removes what the killed one left");
            }
            Interlocked.Add(ref saved, safe);
        });
        output.WriteLine($"{Processes * Kills} kills, {interrupted} of them in the middle of one of {saved} saves");
        interrupted.Should().BeGreaterThan(Processes * Kills / 10, "kills must hit what they are meant to hit");
    }

    /// <summary>A limit on the size of files stands for a full disk: the system refuses to write on.</summary>
    [Fact]
    public async Task A_full_disk_leaves_the_old_file_and_says_why()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/bin/bash"), "Needs a shell that can limit the size of files.");
        AtomicFile.Write(Target, stream => stream.Write(SafeTensorsBytes.Written(writer => writer.Add("version", [], [5_001L]))));
        byte[] old = await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken);

        ProcessStartInfo start = Saver(Target);
        start.ArgumentList.Insert(0, start.FileName);
        start.ArgumentList.Insert(0, "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$1\"");
        start.ArgumentList.Insert(0, "-c");
        start.FileName = "/bin/bash";
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";      // it needs a large file in memory, which the limit forbids
        using var saver = Process.Start(start)!;
        string said = await saver.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await saver.WaitForExitAsync(TestContext.Current.CancellationToken);

        output.WriteLine(said);
        saver.ExitCode.Should().Be(1);
        said.Should().StartWith($"{Target} could not be written: ").And.Contain("too large").And.EndWith("It is still the file it was.\n");
        File.ReadAllBytes(Target).Should().Equal(old);
        Files().Should().Equal(Target);
    }

    private string[] Files() => Directory.GetFiles(_directory);

    private static bool IsFresh(string file) => file.EndsWith(".tmp", StringComparison.Ordinal) && DateTime.UtcNow - File.GetLastWriteTimeUtc(file) < AtomicFile.StaleAfter;

    private static string Unfinished(string target, string mark)
    {
        string file = $"{target}.{mark}.tmp";
        File.WriteAllText(file, "unfinished");
        return file;
    }

    private static void Save(string path, long version)
    {
        var values = new double[1000 + version * 7919 % 50_000];
        Array.Fill(values, version);
        var file = new SafeTensorsWriter();
        file.Add("version", [], [version]);
        file.Add("values", [values.Length], values);
        file.Save(path);
    }

    /// <summary>The version of a file of <see cref="Save"/> or the saver, whose every value must be the version.</summary>
    private static long Load(string path)
    {
        using var file = SafeTensorsReader.Open(path);
        var version = new long[1];
        file.Read<long>("version", version);
        var values = new double[1000 + version[0] * 7919 % 50_000];
        file.Read<double>("values", values);
        Assert.False(values.AsSpan().ContainsAnyExcept(version[0]));
        return version[0];
    }

    private static ProcessStartInfo Saver(string path)
    {
        string runtime = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        return new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Backprop.Saver"), [path])
        {
            RedirectStandardOutput = true,
            Environment = { ["DOTNET_ROOT"] = runtime },
        };
    }
}
