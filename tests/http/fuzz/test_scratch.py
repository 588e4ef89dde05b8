import os, time
from tests.http.fuzz import asking
def test_scratch(world):
    who=os.environ.get("WHO","ann@police-a")
    token = {"nobody":None,"service":world.service_token()}.get(who, world.token_of(who))
    if who=="nobody": token=None
    plan=asking.Plan(phases=tuple(os.environ.get("PH","examples").split(",")), examples=int(os.environ.get("EX","2")), ways=int(os.environ.get("WAYS","3")), operations=os.environ.get("OPS"), seconds=int(os.environ["SEC"]) if "SEC" in os.environ else None)
    t=time.time()
    schema=asking.schema_of(world.site.app, plan, world.known, token)
    t1=time.time()
    f=asking.run(schema)
    with open("/tmp/h/fuzz/out_%s_%s.txt"%(who.replace("@","_").replace(":","_"),os.environ.get("PH","examples")),"w") as o:
        print("load",t1-t,"run",time.time()-t1,f.seconds,dict(f.calls),dict(f.statuses),dict(f.checks),len(f.operations),len(f.answered),f.transitions,file=o)
        print(len(f.faults),file=o)
        for l in asking.faults_of(f): print(l,file=o)
        print(f.words(),file=o)
