using System.Diagnostics;

namespace Backprop.Ranks;

/// <summary>An mpirun of this machine.</summary>
/// <param name="Name">Whose it is.</param>
/// <param name="Command">What starts it.</param>
/// <param name="Options">What it needs to be told here.</param>
public sealed record Launch(string Name, string Command, IReadOnlyList<string> Options)
{
    /// <summary>Those that are there.</summary>
    public static IReadOnlyList<Launch> All { get; } = [.. Find()];

    /// <summary>How a program is started as so many ranks, of this program unless another is named.</summary>
    public ProcessStartInfo Of(int ranks, IEnumerable<string> arguments, string? program = null) => Of(["-n", $"{ranks}", program ?? Program, .. arguments]);

    /// <summary>How two ranks are started, each by its own command; <c>program</c> is this program.</summary>
    public ProcessStartInfo Of(IEnumerable<string> first, IEnumerable<string> second) => Of([.. OneOf(first), ":", .. OneOf(second)]);

    private static IEnumerable<string> OneOf(IEnumerable<string> command) => ["-n", "1", .. command.Select(word => word == "program" ? Program : word)];

    private ProcessStartInfo Of(IEnumerable<string> ranks)
    {
        var start = new ProcessStartInfo(Command, [.. Options, .. ranks]) { RedirectStandardOutput = true, RedirectStandardError = true };
        // Machines of tests may be containers whose only user is root; and no rank may be told that it has a terminal.
        foreach (var (name, value) in (IEnumerable<(string, string)>)[("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"), ("TERM", "dumb")]) start.Environment[name] = value;
        return start;
    }

    /// <summary>The same, whose ranks talk by TCP, although they share memory.</summary>
    public Launch ByTcp() => this with { Options = Name == "Open MPI" ? [.. Options, "--mca", "btl", "self,tcp"] : [.. Options, "-genv", "UCX_TLS", "tcp,self", "-genv", "FI_PROVIDER", "tcp", "-genv", "MPIR_CVAR_NOLOCAL", "1"] };

    /// <summary>Starts this program as one process, without mpirun.</summary>
    public static ProcessStartInfo Alone(IEnumerable<string> arguments, string? program = null) => new(program ?? Program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };

    /// <summary>The path of this program.</summary>
    public static string Program => Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "Backprop.Mpi.Ranks.exe" : "Backprop.Mpi.Ranks");

    private static IEnumerable<Launch> Find()
    {
        foreach (var command in (string[])["mpirun.openmpi", "mpirun.mpich", "mpirun"])
        {
            var version = Version(command);
            if (version.Contains("Open MPI", StringComparison.OrdinalIgnoreCase) || version.Contains("OpenRTE", StringComparison.OrdinalIgnoreCase)) yield return new("Open MPI", command, ["--bind-to", "none", "--oversubscribe"]);
            else if (version.Contains("HYDRA", StringComparison.OrdinalIgnoreCase)) yield return new("MPICH", command, []);
            if (command == "mpirun.mpich" && version.Length > 0) yield break;   // mpirun is then one of the two
        }
    }

    private static string Version(string command)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return output;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "";
        }
    }
}
