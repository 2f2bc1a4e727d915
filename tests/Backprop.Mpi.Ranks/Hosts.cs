using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Backprop.Ranks;

/// <summary>Hosts on this machine: network namespaces, each with a name, an address and a cable to a switch that is a namespace, too. The machine's own network is not touched.</summary>
/// <remarks>Needs root and iproute2. Whatever runs in them ends with them; those of a process that could not do so are removed by the next one.</remarks>
public sealed class Hosts : IDisposable
{
    private const string Prefix = "backprop", Cable = "eth0";

    private readonly string _prefix = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-");
    private readonly int _count;
    private readonly string _agent = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.sh");

    private Hosts(int count) => _count = count;

    /// <summary>Makes them.</summary>
    /// <param name="count">How many.</param>
    /// <param name="obstacle">Why there can be none here.</param>
    /// <returns>Null where there can be none.</returns>
    public static Hosts? Make(int count, out string obstacle)
    {
        obstacle = !OperatingSystem.IsLinux() ? "Network namespaces are Linux's." : !Environment.IsPrivilegedProcess ? "Network namespaces need root." : "";
        if (obstacle.Length > 0) return null;
        var hosts = new Hosts(count);
        try
        {
            RemoveForgotten();
            hosts.Connect();
            return hosts;
        }
        catch (Exception exception) when (exception is IOException or Win32Exception)
        {
            hosts.Dispose();
            obstacle = $"No network namespace can be made here: {exception.Message}";
            return null;
        }
    }

    /// <summary>The same launcher, whose ranks are on these hosts, one after the other, and talk by TCP.</summary>
    public Launch Of(Launch launch)
    {
        var addresses = Enumerable.Range(1, _count).Select(Address);
        IEnumerable<string> command = launch.Name == "Open MPI"
            ?
            [
                launch.Command, "--mca", "plm_rsh_agent", _agent, "--host", string.Join(',', addresses.Select(address => $"{address}:8")), "--map-by", "node", "--bind-to", "none",
                "--mca", "btl", "self,tcp", "--mca", "btl_tcp_if_include", Cable, "--mca", "oob_tcp_if_include", Cable,
                // A host that is cut off is not noticed by mpirun unless it looks, and it would wait for it in vain.
                "--mca", "oob_tcp_keepalive_time", "1", "--mca", "oob_tcp_keepalive_intvl", "1", "--mca", "oob_tcp_keepalive_probes", "2",
            ]
            :
            [
                launch.Command, "-launcher", "ssh", "-launcher-exec", _agent, "-iface", Cable, "-hosts", string.Join(',', addresses), "-ppn", "1",
                "-genv", "UCX_TLS", "tcp,self", "-genv", "UCX_NET_DEVICES", Cable, "-genv", "FI_PROVIDER", "tcp", "-genv", "FI_TCP_IFACE", Cable,
            ];
        return new(launch.Name, "ip", ["netns", "exec", Name(1), "unshare", "--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\"", Name(1), .. command]);
    }

    /// <summary>Bytes that a host has sent.</summary>
    public long Sent(int host) => long.Parse(Run("ip", "netns", "exec", Name(host), "cat", $"/sys/class/net/{Cable}/statistics/tx_bytes"), CultureInfo.InvariantCulture);

    /// <summary>Lets all hosts send no faster than that: <c>100mbit</c>.</summary>
    public void Limit(string rate)
    {
        for (var host = 1; host <= _count; host++) Run("ip", "netns", "exec", Name(host), "tc", "qdisc", "replace", "dev", Cable, "root", "tbf", "rate", rate, "burst", "32kb", "latency", "400ms");
    }

    /// <summary>The commands of processes that are there.</summary>
    public IReadOnlyList<string> Processes() => [.. Enumerable.Range(1, _count).SelectMany(host => Pids(Name(host))).Select(Command).Where(command => command.Length > 0)];

    /// <inheritdoc/>
    public void Dispose()
    {
        File.Delete(_agent);
        for (var host = 0; host <= _count; host++) Remove(Name(host));
    }

    private void Connect()
    {
        // What mpirun takes for ssh: options, a host, and the words of a command.
        File.WriteAllText(_agent, $"""
            #!/bin/sh
            while :; do case $1 in -*) shift ;; *) break ;; esac; done
            host={_prefix}$(echo "$1" | sed 's/.*\.//'); shift
            exec ip netns exec "$host" unshare --uts sh -c "hostname $host && $*"

            """.ReplaceLineEndings("\n"));
        Run("chmod", "+x", _agent);
        Run("ip", "netns", "add", Name(0));
        Run("ip", "-n", Name(0), "link", "add", "lan", "type", "bridge");
        Run("ip", "-n", Name(0), "link", "set", "lan", "up");
        for (var host = 1; host <= _count; host++)
        {
            Run("ip", "netns", "add", Name(host));
            var port = string.Create(CultureInfo.InvariantCulture, $"port{host}");
            Run("ip", "-n", Name(0), "link", "add", port, "type", "veth", "peer", "name", Cable, "netns", Name(host));
            Run("ip", "-n", Name(0), "link", "set", port, "master", "lan", "up");
            Run("ip", "-n", Name(host), "address", "add", $"{Address(host)}/24", "dev", Cable);
            Run("ip", "-n", Name(host), "link", "set", Cable, "up");
            Run("ip", "-n", Name(host), "link", "set", "lo", "up");
        }
    }

    private string Name(int host) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{host}");

    private static string Address(int host) => string.Create(CultureInfo.InvariantCulture, $"10.77.0.{host}");

    private static void Remove(string name)
    {
        try
        {
            foreach (var pid in Pids(name))
            {
                try
                {
                    using var process = Process.GetProcessById(pid);
                    process.Kill();
                }
                catch (ArgumentException)
                {
                    // It has ended.
                }
            }

            Run("ip", "netns", "delete", name);
        }
        catch (Exception exception) when (exception is IOException or Win32Exception)
        {
            // It was not there.
        }
    }

    private static void RemoveForgotten()
    {
        foreach (var name in Run("ip", "netns", "list").Split('\n').Select(line => line.Split(' ')[0]).Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
            if (int.TryParse(name[Prefix.Length..].Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var owner) && !Directory.Exists($"/proc/{owner}")) Remove(name);
    }

    private static IEnumerable<int> Pids(string name) => Run("ip", "netns", "pids", name).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(pid => int.Parse(pid, CultureInfo.InvariantCulture));

    private static string Command(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ').Trim();
        }
        catch (IOException)
        {
            return "";      // it has ended
        }
    }

    private static string Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new IOException($"{command} {string.Join(' ', arguments)}: {error.Result.Trim()}");
    }
}
