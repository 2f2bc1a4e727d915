// Trains in the background of a host. Ctrl-C or SIGTERM ends it between two steps, with a checkpoint; the next start goes on from there, bit for bit.
//   dotnet run                    trains into the current directory; --directory elsewhere
//   dotnet run -- --check         stops a training in its middle, resumes it, and compares it with one that ran through
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Samples.Worker;

if (args.Contains("--check")) return await Check.RunAsync();

var builder = Host.CreateApplicationBuilder(args);
builder.Services.AddHostedService<TrainingService>();
builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(30));    // for one step, and for writing the checkpoint
using var host = builder.Build();
await host.RunAsync();
return Environment.ExitCode;
