using System.Diagnostics;
using System.Globalization;
using Backprop.Ranks;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests.Mpis;

/// <summary>Ranks on hosts of their own, with a network between them that can be slow, and be gone. Skipped where no network namespaces can be made.</summary>
[Collection(Job.OneByOne)]
public sealed class HostsTests
{
    private static readonly TimeSpan InTime = TimeSpan.FromSeconds(Job.Limit + 10);

    private static Hosts Make(int count)
    {
        var hosts = Hosts.Make(count, out var obstacle);
        Assert.SkipWhen(hosts is null, obstacle);
        return hosts!;
    }

    private static Job Run(Hosts hosts, string mpi, int ranks, params string[] arguments)
    {
        var start = hosts.Of(Job.Find(mpi)).Of(ranks, arguments);
        start.Environment["BACKPROP_MPI_LIMIT"] = Job.Limit.ToString(CultureInfo.InvariantCulture);
        return Job.Run(start);
    }

    private static void Limit(Hosts hosts, string rate)
    {
        try
        {
            hosts.Limit(rate);
        }
        catch (IOException exception)
        {
            Assert.Skip($"This system limits no rates: {exception.Message}");
        }
    }

    /// <summary>What a host that nobody reaches any more still runs ends by itself, within the same time.</summary>
    private static void LeavesNothing(Hosts hosts, string because)
    {
        var began = Stopwatch.GetTimestamp();
        while (hosts.Processes().Count > 0 && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(10)) Thread.Sleep(100);
        hosts.Processes().Should().BeEmpty(because);
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void Hosts_learn_what_one_process_learns_also_over_a_slow_network(string mpi)
    {
        var alone = Job.Alone("train", "mlp,cnn,gpt", "--steps", "20");
        using (var two = Make(2))
        {
            Limit(two, "200mbit");
            var job = Run(two, mpi, 2, "train", "mlp,cnn,gpt", "--steps", "20");
            job.Output.Should().Be(alone.Output, job.Error);
            two.Sent(2).Should().BeGreaterThan(500_000, "the sums go through the cable");
            LeavesNothing(two, job.Error);
            Run(two, mpi, 2, "sums").Output.Trim().Should().Be("as a tree");
        }

        using var four = Make(4);
        var many = Run(four, mpi, 4, "train", "mlp", "--steps", "20");
        many.Output.Trim().Should().Be(alone.Output.Split('\n')[0], many.Error);
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_host_s_rank_that_is_killed_ends_all(string mpi) => Ends(mpi, "kill", "*exited on signal 9*", "*EXIT CODE: 9*");

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_host_s_rank_that_is_stopped_ends_all(string mpi) => Ends(mpi, "freeze", "rank 0 of 2 (*): rank 1 did not come to the sum of a step within 3 s: *");

    /// <summary>Open MPI's mpirun, told to look after hosts, may be the first to notice, and then names the host.</summary>
    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_host_that_is_cut_off_ends_all(string mpi) => Ends(mpi, "unplug", "rank 0 of 2 (*): rank 1 did not come to the sum of a step within 3 s: *", "*lost communication with a remote daemon*Remote daemon:*on node 10.77.0.2*");

    /// <param name="mpi">The MPI.</param>
    /// <param name="kind">What rank 1, on the second host, does.</param>
    /// <param name="messages">Of which one is said: by a rank, once, or by the launcher.</param>
    private static void Ends(string mpi, string kind, params string[] messages)
    {
        using var hosts = Make(2);
        using var file = new TemporaryFile();
        var job = Run(hosts, mpi, 2, "fail", kind, "--save", file.Path);
        job.Code.Should().NotBe(0, job.Error);
        var said = job.Messages.Length > 0 ? string.Join('\n', job.Messages) : job.Output + job.Error;
        messages.Should().Contain(message => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(message, said, false), said);
        job.Messages.Length.Should().BeLessThan(2, job.Error);
        job.Time.Should().BeLessThan(InTime + TimeSpan.FromSeconds(5), "starting takes a while, too");
        LeavesNothing(hosts, job.Error);
        Trainings.Mlp<double>(ShardExchange.Alone, 8).LoadCheckpoint(file.Path);
    }

    [Theory(Explicit = true)]
    [MemberData(nameof(Job.Mpis), MemberType = typeof(Job))]
    public void A_network_too_slow_for_the_limit_ends_all(string mpi)
    {
        using var hosts = Make(2);
        Limit(hosts, "10mbit");
        var job = Run(hosts, mpi, 2, "fail", "large");
        job.Code.Should().NotBe(0, job.Error);
        job.Messages.Should().ContainSingle(job.Error).Which.Should().Match("rank 0 of 2 (*within 3 s*");
        job.Time.Should().BeLessThan(InTime + TimeSpan.FromSeconds(5));
        LeavesNothing(hosts, job.Error);
    }
}
